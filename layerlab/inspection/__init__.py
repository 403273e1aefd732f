"""A look at a checkpoint before a study: is it whole, does its tokenizer fit, does it do what it learnt?"""
