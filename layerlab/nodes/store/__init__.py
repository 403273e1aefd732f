"""A results directory: complete nodes, leases, progress."""
