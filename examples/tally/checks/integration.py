"""Do the replicas and the database work together? Votes go in over several connections and every replica counts them alike."""

import sys

sys.dont_write_bytecode = True  # a check leaves nothing behind in the folder it came in

from asking import Service, Wrong, count_of, run, some_choice  # noqa: E402

VOTES = 12
READS = 12


def integration(first: Service) -> str:
    # A proxy spreads requests, and new connections make it likelier still that each replica gets some.
    services = [first, Service(), Service()]
    choice = some_choice("integration")
    before = count_of(first, choice)
    for number in range(VOTES):
        stored = services[number % 3].expect(201, "POST", "/votes", {"choice": choice})
        if stored.get("count") != before + number + 1:
            raise Wrong(f"vote {number + 1} for {choice} was counted as {stored.get('count')}, expected {before + number + 1}")
    for number in range(READS):
        found = count_of(services[number % 3], choice)
        if found != before + VOTES:
            raise Wrong(f"read {number + 1} found {found} votes for {choice}, expected {before + VOTES}")
    return f"{VOTES} votes stored, {READS} reads over {len(services)} connections all found them"


run(integration)
