"""How the rows of a selection are spread: counts of values, and histograms of lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.data.store.marks import STATUSES
from studio.data.view.facts.rows import places_of
from studio.data.view.selection import Selection, join_codes

if TYPE_CHECKING:
    import numpy as np

BINS = 20
MOST_VALUES = 50
OUTLIERS = 0.02  # this share of the longest rows stands together in the last bin
STEPS = (1, 2, 5)

Count = tuple[str, int]


@dataclass(frozen=True)
class Bin:
    """So many rows have a length from `low` to `high`, both included; fit for `Query.lengths`."""

    low: int
    high: int
    count: int


@dataclass(frozen=True)
class Facets:
    """(value, rows) pairs, the most frequent first, `status` in its own order; each under the query's other filters.

    `golden`: how many rows are golden. The bins of a histogram are the same for every query on the same rows.
    """

    status: Sequence[Count] = ()
    tags: Sequence[Count] = ()
    labels: Sequence[Count] = ()
    languages: Sequence[Count] = ()
    splits: Sequence[Count] = ()
    checks: Sequence[Count] = ()
    prompt_lengths: Sequence[Bin] = ()
    answer_lengths: Sequence[Bin] = ()
    tokens: Sequence[Bin] = ()
    golden: int = 0
    ready: bool = False


def count_facets(selection: Selection, ready: bool) -> Facets:
    """All facets of a selection."""
    import numpy as np

    status = np.bincount(selection.load("status")[selection.matching("status")], minlength=len(STATUSES))
    labels = selection.load("label")[selection.matching("labels")]
    label_counts = np.bincount(labels[labels >= 0], minlength=len(selection.state.label_names))
    return Facets(
        status=list(zip(STATUSES, status.tolist(), strict=True)),
        tags=count_pairs(selection, "tags"),
        labels=most_frequent(selection.state.label_names, label_counts),
        languages=count_pairs(selection, "languages"),
        splits=count_pairs(selection, "splits"),
        checks=count_pairs(selection, "checks"),
        prompt_lengths=make_bins(selection, "prompt"),
        answer_lengths=make_bins(selection, "answer"),
        tokens=make_bins(selection, "tokens"),
        golden=int(selection.load("golden")[selection.matching("golden")].sum()),
        ready=ready,
    )


def count_pairs(selection: Selection, name: str) -> list[Count]:
    """How many matching rows stand in a pair with each name; a row counts once, in however many groups it was found."""
    import numpy as np

    pairs = selection.pairs(name)
    places = places_of(selection.load("id"), pairs.rows)
    counted = (places >= 0) & selection.matching(name)[places]
    values, places = pairs.values[counted], places[counted]
    if name == "checks":
        values = values[np.unique(join_codes(values, places), return_index=True)[1]]
    return most_frequent(pairs.names, np.bincount(values, minlength=len(pairs.names)))


def most_frequent(names: Sequence[str], counts: "np.ndarray") -> list[Count]:
    """The names that occur, the most frequent first, equal ones by name."""
    found = [(name, count) for name, count in zip(names, counts.tolist(), strict=True) if count]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:MOST_VALUES]


def make_bins(selection: Selection, name: str) -> list[Bin]:
    """A histogram of lengths, the last bin up to the longest; none if no length is known."""
    import numpy as np

    lengths = selection.lengths(name)
    known = lengths[selection.load("live") & (lengths >= 0)]
    if not len(known):
        return []
    low, top = int(known.min()), int(known.max())
    step = nice_step((int(np.quantile(known, 1 - OUTLIERS)) - low) / BINS)
    low = low // step * step
    count = min(BINS, (top - low) // step + 1)
    matching = lengths[selection.matching(name) & (lengths >= 0)]
    counts = np.bincount(np.minimum((matching - low) // step, count - 1), minlength=count).tolist()
    lows = [low + number * step for number in range(count)]
    highs = [*(one - 1 for one in lows[1:]), max(top, lows[-1] + step - 1)]
    return [Bin(*one) for one in zip(lows, highs, counts, strict=True)]


def nice_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 ... that is not below."""
    power = 1
    while STEPS[-1] * power < least:
        power *= 10
    return next(step * power for step in STEPS if step * power >= least)
