"""What the benchmark runs as processes of their own: contenders, preparations and measures of the machine."""
