"""Tables of a study, made from records alone."""
