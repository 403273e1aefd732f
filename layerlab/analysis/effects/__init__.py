"""What ablations cost: sweeps, scores paired with the baseline's by seed, and their differences."""
