"""Which value a variable has in one place, where that came from, and how two configurations differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from headway.environments.model import Configuration


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable as it was written: a value or, when `secret`, a reference to one. `origin` is where (`headway.yaml:37`)."""

    value: str
    origin: str
    secret: bool = False


Layer = Mapping[str, Setting]
"""What was written in one place of the file, by variable."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration, and where each of its variables came from."""

    configuration: Configuration
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A variable that is not the same in two configurations. None: it is not there. Secrets show as their reference."""

    name: str
    before: str | None
    after: str | None


def resolve(*layers: Layer) -> Resolved:
    """Put layers over each other, the most general first; the last word on a variable wins, be it a value or a secret.

    The digest is left empty: it needs the secrets' fingerprints, see `sealed`.
    """
    settings: dict[str, Setting] = {}
    for layer in layers:
        settings |= layer
    named = dict(sorted(settings.items()))
    return Resolved(
        Configuration(
            values={name: setting.value for name, setting in named.items() if not setting.secret},
            secrets={name: setting.value for name, setting in named.items() if setting.secret},
        ),
        origins={name: setting.origin for name, setting in named.items()},
    )


def sealed(configuration: Configuration, fingerprints: Mapping[str, str]) -> Configuration:
    """The configuration with its digest. Every secret needs its fingerprint; a digest that leaves one out would bind nothing."""
    if missing := configuration.secrets.keys() - fingerprints.keys():
        raise ValueError(f"no fingerprint of {', '.join(sorted(missing))}")
    secrets = {name: fingerprints[name] for name in configuration.secrets}
    return replace(configuration, digest=digest(configuration.values, secrets))


def digest(values: Mapping[str, str], secret_fingerprints: Mapping[str, str]) -> str:
    """What an approval of a configuration is bound to: any other value, name or secret gives another digest.

    Secrets count by their keyed fingerprints only, so neither their value nor where it is kept shows or matters.
    """
    whole = json.dumps([dict(values), dict(secret_fingerprints)], sort_keys=True, separators=(",", ":"))
    return f"sha256:{sha256(whole.encode()).hexdigest()}"


def difference(before: Configuration, after: Configuration) -> tuple[Difference, ...]:
    """What is not the same in two configurations, by name."""
    old, new = _shown(before), _shown(after)
    changed = tuple(Difference(name, old.get(name), new.get(name)) for name in sorted(old | new) if old.get(name) != new.get(name))
    if changed or not (before.digest and after.digest) or before.digest == after.digest:
        return changed
    # The digests know what references cannot show: the same reference now leads to another value.
    names = ", ".join(sorted(after.secrets))
    return (Difference(names, "a secret", "another secret behind the same reference"),)


def _shown(configuration: Configuration) -> dict[str, str]:
    return dict(configuration.values) | {name: f"secret {reference}" for name, reference in configuration.secrets.items()}
