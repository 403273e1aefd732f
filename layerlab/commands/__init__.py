"""The verbs of the command line, a module each; ``layerlab.cli`` gathers them."""
