"""Where releases run on a cluster."""
