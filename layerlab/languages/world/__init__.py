"""What is meant: a seeded world of concepts, and documents of meaning trees about it."""
