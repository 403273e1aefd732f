"""From sources to targets: scores of every pair, and what the transfer gap goes with."""
