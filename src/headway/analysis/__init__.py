"""Is the running release good? Measurements in, verdicts out."""
