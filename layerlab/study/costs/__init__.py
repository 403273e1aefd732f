"""What a plan costs: arithmetic, memory, disk and time."""
