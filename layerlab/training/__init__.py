"""What fine-tuning and pretraining share."""
