"""One file or folder per thing outside."""
