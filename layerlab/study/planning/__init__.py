"""From a study to its plan: what is found, resolved and checked before time is spent."""
