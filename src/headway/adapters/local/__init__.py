"""The local platform: real processes behind a real Envoy on this machine."""
