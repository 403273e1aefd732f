"""The kinds of nodes that come with layerlab, and what they are made of."""
