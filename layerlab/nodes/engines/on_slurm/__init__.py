"""The engine on a SLURM cluster: an array of jobs, each of which takes units until nothing is left."""
