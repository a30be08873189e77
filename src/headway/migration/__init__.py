"""Changes to data that must fit around a rollout."""
