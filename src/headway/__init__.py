"""Headway takes releases from dev to staging to production, and back before anyone notices when one is bad."""

__version__ = "0.1.0"
