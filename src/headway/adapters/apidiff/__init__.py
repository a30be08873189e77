"""Comparing what a release offers with what the next one would: Python packages, OpenAPI documents."""
