"""What can go wrong here, in words."""


class Trouble(Exception):
    """The test cluster cannot be had; the text says what is missing or what failed, and where to look."""
