"""What lies in a results directory: where a study stands, its parts, and the weights that it keeps."""
