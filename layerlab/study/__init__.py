"""Studies: the grid, the plan, the store and the runner."""
