"""The demo: the whole story on this machine, with real processes, a real proxy, a real repository and real requests."""
