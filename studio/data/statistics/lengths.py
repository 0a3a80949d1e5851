"""How long texts are: the sum, the middle, the ends, and a histogram with round borders."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 20


@dataclass(frozen=True)
class Bin:
    """So many rows have a length from `low` to `high`, both included."""

    low: int
    high: int
    count: int


@dataclass(frozen=True)
class Lengths:
    """The lengths of one side of all rows, in characters or tokens. `long`: 95 of 100 rows are not longer."""

    total: int
    shortest: int
    median: int
    long: int
    longest: int
    bins: list[Bin]


def describe_lengths(lengths: Sequence[int]) -> Lengths:
    """Their sum, middle and ends, and how they are spread."""
    ordered = sorted(lengths)
    if not ordered:
        return Lengths(0, 0, 0, 0, 0, [])
    middle, long = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return Lengths(sum(ordered), ordered[0], middle, long, ordered[-1], make_bins(ordered))


def make_bins(ordered: list[int]) -> list[Bin]:
    """About BINS bins of a round width, for 99 of 100 values; if some are longer, a last bin holds them all."""
    usual = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    width = round_width(usual / BINS)
    counts = Counter(min(value // width, usual // width + 1) for value in ordered)
    bins = [Bin(index * width, (index + 1) * width - 1, counts[index]) for index in range(max(counts) + 1)]
    return [*bins[:-1], Bin(bins[-1].low, max(bins[-1].high, ordered[-1]), bins[-1].count)]


def round_width(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is larger than `least`."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power > least:
                return step * power
        power *= 10
