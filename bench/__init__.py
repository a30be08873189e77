"""Measurements, never tests: each prints what it did, on what, and what came out; docs/benchmarks.md keeps the results."""
