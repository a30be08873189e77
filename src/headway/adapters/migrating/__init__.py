"""The database's part of a rollout: looked at from here, changed by a process of its own that outlives us."""
