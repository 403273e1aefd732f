"""Fine-tuning an encoder on a task in its source language, and evaluating it zero-shot."""
