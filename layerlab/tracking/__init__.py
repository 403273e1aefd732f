"""Experiment trackers beside a results directory: TensorBoard, Weights & Biases, MLflow."""
