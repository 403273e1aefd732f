"""What is measured: one file for workloads that are alike."""
