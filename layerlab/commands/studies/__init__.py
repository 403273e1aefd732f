"""The verbs that write, explain and carry out studies."""
