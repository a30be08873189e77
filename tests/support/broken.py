"""What a checker raises."""


class Broken(AssertionError):  # noqa: N818 - a law is broken, and that is what it is called
    """Something that must always hold did not."""
