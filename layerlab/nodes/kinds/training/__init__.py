"""What a fit is made of: where it starts, its corpora, its training and what is scored meanwhile."""
