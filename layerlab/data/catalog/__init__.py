"""The catalogue: which corpus a study means, and what becomes of it between reader and study."""
