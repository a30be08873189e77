"""What we ship: artifacts, releases, versions."""
