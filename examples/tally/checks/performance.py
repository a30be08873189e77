"""Is it quick enough? 150 requests over one keep-alive connection; p95 must be within $BUDGET_MS."""

import os
import statistics
import sys
import time

sys.dont_write_bytecode = True  # a check leaves nothing behind in the folder it came in

from asking import Service, Wrong, run  # noqa: E402

REQUESTS = 150


def performance(service: Service) -> str:
    budget = _budget(os.environ.get("BUDGET_MS", ""))
    service.expect(200, "GET", "/")  # connecting is not measured
    taken = []
    for number in range(REQUESTS):
        started = time.perf_counter()
        service.expect(200, "GET", "/votes" if number % 5 == 4 else "/")
        taken.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    numbers = f"p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms, slowest {max(taken):.1f} ms of {REQUESTS} requests"
    if cuts[94] > budget:
        raise Wrong(f"{numbers}; p95 is over the budget of {budget:g} ms")
    return f"{numbers}; the budget for p95 is {budget:g} ms"


def _budget(text: str) -> float:
    try:
        budget = float(text)
    except ValueError:
        budget = 0.0
    if not 0 < budget < float("inf"):
        raise Wrong(f"BUDGET_MS must be a number of milliseconds, not {text!r}")
    return budget


run(performance)
