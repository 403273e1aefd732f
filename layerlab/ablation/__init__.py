"""Interventions on layers, and the ablations that place them before, during or after fine-tuning."""
