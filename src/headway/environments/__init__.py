"""Where we ship: the configuration matrix, differences between environments."""
