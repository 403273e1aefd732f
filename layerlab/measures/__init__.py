"""Measures of representations, layer by layer: alignment of languages by CKA and by retrieval."""
