"""A user's whole story: arrives, looks, votes, errs, votes again, finds both votes in the list."""

import sys

sys.dont_write_bytecode = True  # a check leaves nothing behind in the folder it came in

from asking import Service, Wrong, count_of, run, some_choice  # noqa: E402


def e2e(service: Service) -> str:
    if not service.expect(200, "GET", "/").get("greeting"):
        raise Wrong("nobody greets the user")
    choice = some_choice("e2e")
    before = count_of(service, choice)
    service.expect(201, "POST", "/votes", {"choice": choice})
    refused = service.expect(400, "POST", "/votes", {"choice": ""})
    if not refused.get("error"):
        raise Wrong("an empty vote is refused without a reason")
    service.expect(404, "GET", "/vote")
    service.expect(405, "DELETE", "/votes")
    service.expect(201, "POST", "/votes", {"choice": f"  {choice} "})
    listing = service.expect(200, "GET", "/votes")
    if (found := count_of(service, choice)) != before + 2:
        raise Wrong(f"the user voted twice for {choice}, which went from {before} to {found}")
    votes = listing.get("votes")
    if not isinstance(votes, dict) or listing.get("total") != sum(votes.values()):
        raise Wrong(f"the total {listing.get('total')} is not the sum of the votes")
    return f"greeted, voted twice for {choice}, told off once, and counted {found}"


run(e2e)
