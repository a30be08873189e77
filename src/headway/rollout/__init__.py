"""How a release replaces the last one: strategies, plan, the next move."""
