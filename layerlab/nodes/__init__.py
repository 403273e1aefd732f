"""What is done once and known by its content: pretrainings, fits, runs; their store and their engines."""
