"""Scores, and how sure they are. Pure Python."""

from collections.abc import Sequence
from math import comb, sqrt

NORMAL_95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def matches(predictions: Sequence[str], targets: Sequence[str]) -> list[bool]:
    """Row by row, whether the answer is the target to the letter; only outer whitespace is forgiven."""
    return [said.strip() == wanted.strip() for said, wanted in zip(predictions, targets, strict=True)]


def exact_match(predictions: Sequence[str], targets: Sequence[str]) -> float:
    """Share of rows answered to the letter, 0 to 1; ValueError when there are none."""
    if not targets:
        raise ValueError("exact match of no rows is not defined")
    return sum(matches(predictions, targets)) / len(targets)


def wilson_interval(successes: int, trials: int, z: float = NORMAL_95) -> tuple[float, float]:
    """Interval for a share, 95 % by default. Wilson 1927; Newcombe 1998, Statistics in Medicine 17, method 3."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"no share of {successes} in {trials}")
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == trials else min(1.0, centre + half)


def paired_interval(better: int, worse: int, trials: int, both: int, z: float = NORMAL_95) -> tuple[float, float]:
    """Interval for the difference of two shares on the same rows (tuned - base).

    `better`: rows only tuned has right, `worse`: only base, `both`: both. Newcombe 1998, Statistics in Medicine 17,
    2635-2650, method 10: Wilson intervals of the two shares, joined with their correlation.
    """
    tuned, base = both + better, both + worse
    difference = (better - worse) / trials
    tuned_low, tuned_high = wilson_interval(tuned, trials, z)
    base_low, base_high = wilson_interval(base, trials, z)
    p, q = tuned / trials, base / trials
    phi = correlation(both, better, worse, trials - both - better - worse)
    down, up = (p - tuned_low, base_high - q), (tuned_high - p, q - base_low)
    low = difference - sqrt(max(0.0, down[0] ** 2 - 2 * phi * down[0] * down[1] + down[1] ** 2))
    high = difference + sqrt(max(0.0, up[0] ** 2 - 2 * phi * up[0] * up[1] + up[1] ** 2))
    return max(-1.0, low), min(1.0, high)


def correlation(both: int, better: int, worse: int, neither: int) -> float:
    """Method 10's phi: the four-fold correlation, with a continuity correction when it is positive."""
    product = (both + better) * (worse + neither) * (both + worse) * (better + neither)
    if product == 0:
        return 0.0
    numerator = both * neither - better * worse
    if numerator > 0:
        numerator = max(numerator - (both + better + worse + neither) / 2, 0)
    return numerator / sqrt(product)


def mcnemar_p(better: int, worse: int) -> float:
    """Two-sided exact McNemar test: how likely a split at least this uneven is, were both equally good.

    A binomial test of the rows that only one has right (McNemar 1947; exact form).
    """
    changed = better + worse
    tail = sum(comb(changed, count) for count in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**changed)
