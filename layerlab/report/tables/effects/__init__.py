"""Tables of what ablations cost, and of the scores behind it."""
