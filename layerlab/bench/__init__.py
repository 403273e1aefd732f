"""The benchmark: layerlab against the Trainer and against its own plain path, each as a whole process."""
