"""Secrets in the keyring of the user that Headway runs as: the desktop's, or whatever the library `keyring` is set up to ask."""

import importlib

from headway.errors import InvalidSpec, Unavailable

SCHEME = "keyring"


def value(reference: str) -> str:
    """The value behind `keyring:SERVICE/NAME`."""
    service, _, name = reference.removeprefix(f"{SCHEME}:").rpartition("/")
    if not service or not name:
        # What was found is not shown: somebody may have put the value itself there.
        raise InvalidSpec(
            "a secret in a keyring is named as keyring:SERVICE/NAME, kept by `keyring set SERVICE NAME`; what stands there is not"
        )
    try:
        library = importlib.import_module("keyring")
    except ModuleNotFoundError:
        raise Unavailable(f"the secret {reference} needs the library keyring: pip install 'headway[keyring]' where Headway runs") from None
    try:
        found = library.get_password(service, name)
    except Exception as error:  # each backend has its own; their words may hold what they were given
        how = f"`keyring get {service} {name}` as the user that Headway runs as tells more"
        raise Unavailable(f"the secret {reference} cannot be had: the keyring did not give it ({type(error).__name__}); {how}") from None
    if found is None:
        raise Unavailable(f"the secret {reference} is not in the keyring of the user that Headway runs as: keyring set {service} {name}")
    return str(found)
