"""Tables as text: LaTeX, Markdown and CSV."""
