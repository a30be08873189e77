"""The only place that acts: look, decide, write it down, do it."""
