"""Scores and intervals against figures published for them, and against brute force."""

from itertools import product
from math import comb

import pytest

from studio.evaluation.metrics import exact_match, matches, mcnemar_p, paired_interval, wilson_interval


def test_only_outer_whitespace_is_forgiven():
    said = [" Paris\n", "paris", "Pa ris", '{"a": 1}', ""]
    wanted = ["Paris", "Paris", "Paris", '{"a":1}', " "]
    assert matches(said, wanted) == [True, False, False, False, True]
    assert exact_match(said, wanted) == 0.4


def test_no_rows_and_unequal_lengths_are_errors():
    with pytest.raises(ValueError, match="no rows"):
        exact_match([], [])
    with pytest.raises(ValueError, match="longer"):
        matches(["a"], ["a", "b"])


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_newcombe_prints_it(successes, trials, low, high):
    """Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3."""
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson_interval(trials - successes, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_of_nonsense(successes, trials):
    with pytest.raises(ValueError, match="no share"):
        wilson_interval(successes, trials)


def test_paired_interval_as_newcombe_prints_it():
    """Newcombe 1998, Statistics in Medicine 17, 2635-2650, table III, method 10: 36, 12, 2, 0 of 50."""
    assert paired_interval(better=12, worse=2, trials=50, both=36) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    assert paired_interval(better=2, worse=12, trials=50, both=36) == pytest.approx((-0.3404, -0.0569), abs=5e-5)


def test_paired_interval_holds_the_difference_and_stays_in_range():
    cases = [cells for cells in product(range(6), repeat=4) if sum(cells)]
    assert len(cases) == 1295
    for better, worse, both, neither in cases:
        trials = better + worse + both + neither
        low, high = paired_interval(better, worse, trials, both)
        assert -1 <= low <= (better - worse) / trials + 1e-12
        assert (better - worse) / trials - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1.0), (5, 5, 1.0), (1, 9, 22 / 1024), (41, 7, None), (0, 6, 2 / 64)]
)
def test_mcnemar_is_the_binomial_test(better, worse, p):
    """Two-sided: the probabilities of all splits that are as likely as the one seen, or less."""
    n = better + worse
    seen = comb(n, better)
    brute = sum(comb(n, k) for k in range(n + 1) if comb(n, k) <= seen) / 2**n
    assert mcnemar_p(better, worse) == mcnemar_p(worse, better) == pytest.approx(brute)
    if p is not None:
        assert mcnemar_p(better, worse) == pytest.approx(p)
