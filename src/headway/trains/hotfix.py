"""What a hotfix may skip, and which lines still lack it."""

PREFIX = "hotfix/"
"""How the branches of hotfixes are called."""
