"""What a pretraining may do beside masked LM on running text: one file a factor."""
