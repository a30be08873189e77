"""How likely is it to be that bad by chance?"""

from math import exp, lgamma, log


def beyond_chance(bad: int, tried: int, rate: float, alpha: float) -> bool:
    """Would at least `bad` of `tried` go wrong with probability under `alpha`, if each did with probability `rate`?

    The exact tail of the binomial distribution. A rate that is not a number, or 1 and more, finds nothing unusual.
    """
    if not 0 <= rate < 1 or not bad > tried * rate:
        return False
    if rate == 0:
        return True
    ways = lgamma(tried + 1) - lgamma(bad + 1) - lgamma(tried - bad + 1)
    term = exp(ways + bad * log(rate) + (tried - bad) * log(1 - rate))
    tail, odds = 0.0, rate / (1 - rate)
    # Above the mean each term is smaller than the one before, so the sum is settled long before `tried`.
    for hits in range(bad, tried + 1):
        tail += term
        if tail >= alpha:
            return False
        if term < tail * 1e-12:
            break
        term *= (tried - hits) / (hits + 1) * odds
    return tail < alpha
