"""What a run is made of: the complete fit, its scores and the measures of its layers."""
