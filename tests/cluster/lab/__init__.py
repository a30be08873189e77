"""A real Kubernetes for the tests: built from source once, started and removed in a network namespace of its own."""
