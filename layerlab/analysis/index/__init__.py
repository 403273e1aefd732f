"""An index of a store's records, by which a hundred thousand are read in seconds; it is never the source."""
