"""Rows that are nearly alike: those whose sketches meet, each pair verified, joined into clusters."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.data.checks.sketches import Parts, own_grams

if TYPE_CHECKING:
    import numpy as np

ALIKE = 0.8
# A question about the same long text is another question: each part of a prompt must be somewhat alike.
PART_ALIKE = 0.35
# A shorter answer, such as a label, does not make rows alike.
FEWEST_TELLING = 20
# In a crowd each row is compared with its neighbours and with the first: clusters join what follows from one another.
CROWD, NEIGHBOURS = 40, 8

KEPT = 50_000


@dataclass(frozen=True)
class Likeness:
    """How alike two rows are (Jaccard similarity of their runs of characters), as rows or as prompts."""

    other: int
    similarity: float
    of: str

    def describe(self) -> str:
        percent = f"{int(self.similarity * 100)} %"
        if self.of == "prompt":
            return f"the prompt is {percent} like that of row {self.other}"
        return f"{percent} like row {self.other}"


@dataclass(frozen=True)
class Fingerprint:
    """The runs of a row's texts: arrays of uint32, sorted, each run once."""

    prompt: "np.ndarray"
    whole: "np.ndarray"
    asked: "np.ndarray"
    given: "np.ndarray"
    answer: "np.ndarray"


def make_fingerprint(parts: Parts, common: "np.ndarray") -> Fingerprint:
    import numpy as np

    texts = (parts.prompt, parts.answer, parts.asked, parts.given)
    prompt, answer, asked, given = (np.unique(own_grams(text, common)) for text in texts)
    return Fingerprint(prompt, np.union1d(prompt, answer), asked, given, answer)


def compare(one: Fingerprint, other: Fingerprint) -> tuple[float, str] | None:
    """(similarity, "row" or "prompt") if they are alike, else None. The same prompt alone is another check's."""
    for mine, theirs in ((one.asked, other.asked), (one.given, other.given)):
        if len(mine) and len(theirs) and jaccard(mine, theirs) < PART_ALIKE:
            return None
    prompt, whole = jaccard(one.prompt, other.prompt), jaccard(one.whole, other.whole)
    if prompt == 1 and jaccard(one.answer, other.answer) < ALIKE:
        return None
    telling = prompt >= ALIKE or min(len(one.answer), len(other.answer)) >= FEWEST_TELLING
    if whole >= ALIKE and telling:
        return whole, "row"
    return (prompt, "prompt") if prompt >= ALIKE else None


def jaccard(one: "np.ndarray", other: "np.ndarray") -> float:
    """Shared runs among all runs, 0 to 1; 0 for two empty sets."""
    import numpy as np

    both = np.concatenate([one, other])
    if not len(both):
        return 0.0
    both.sort()
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (len(both) - shared)


def find_pairs(bands: "np.ndarray") -> "np.ndarray":
    """Pairs (lower, higher) of rows that agree in a band: an array (pairs, 2), sorted. `bands`: (rows, BANDS)."""
    import numpy as np

    filled = np.flatnonzero(bands.any(axis=1))
    found = [np.zeros(0, np.uint64)]
    for column in range(bands.shape[1] if len(filled) > 1 else 0):
        values = bands[filled, column]
        order = np.argsort(values, kind="stable")
        rows, values = filled[order], values[order]
        starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
        sizes = np.diff(np.append(starts, len(rows)))
        pairs = [pair for at in np.flatnonzero(sizes > 1) for pair in pairs_of(rows, starts[at], sizes[at])]
        if pairs:
            found.append(np.unique(np.concatenate(pairs)))
    codes = np.unique(np.concatenate(found))
    return np.stack([codes >> np.uint64(32), codes & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)


def pairs_of(rows: "np.ndarray", start: int, size: int) -> Iterator["np.ndarray"]:
    """The pairs of one bucket, each as one uint64; its rows are in ascending order."""
    import numpy as np

    bucket = rows[start : start + size].astype(np.uint64)
    reach = size if size <= CROWD else NEIGHBOURS
    for step in range(1, min(reach, size)):
        yield (bucket[:-step] << np.uint64(32)) | bucket[step:]
    if size > CROWD:
        yield (bucket[0] << np.uint64(32)) | bucket[1:]


class Clusters:
    """Things joined into groups (union-find with path halving); each group is known by its lowest member."""

    def __init__(self):
        self.parents: dict[int, int] = {}
        self.links: dict[int, list[Likeness]] = defaultdict(list)

    def find(self, member: int) -> int:
        parents = self.parents
        while parents.get(member, member) != member:
            parents[member] = member = parents.get(parents[member], parents[member])
        return member

    def join(self, one: int, other: int, likeness: tuple[float, str] | None = None) -> bool:
        """Join two groups; False if they are one already. What is said of the pair is kept as a link."""
        low, high = sorted((self.find(one), self.find(other)))
        if low == high:
            return False
        self.parents[high] = low
        self.parents.setdefault(low, low)
        if likeness:
            self.links[one].append(Likeness(other, *likeness))
            self.links[other].append(Likeness(one, *likeness))
        return True

    def groups(self) -> dict[int, int]:
        """Member -> lowest member of its group, for all that were ever joined."""
        return {member: self.find(member) for member in sorted(self.parents)}

    def likenesses(self) -> dict[int, Likeness]:
        """Every linked member with the one by which it belongs to its group; the first with its likest."""
        found: dict[int, Likeness] = {}
        for first in sorted(self.links):
            if first in found:
                continue
            found[first] = max(self.links[first], key=lambda link: link.similarity)
            line = [first]
            for member in line:
                for link in self.links[member]:
                    if link.other not in found:
                        found[link.other] = Likeness(member, link.similarity, link.of)
                        line.append(link.other)
        return found


def join_alike(
    clusters: Clusters,
    pairs: "np.ndarray",
    fingerprint: Callable[[int], Fingerprint],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Join the pairs that are alike; pairs that belong together already are not compared again."""
    known: dict[int, Fingerprint] = {}
    for number, (one, other) in enumerate(pairs.tolist()):
        if number % 1000 == 0 and stopped():
            return
        if clusters.find(one) == clusters.find(other):
            continue
        if len(known) > KEPT:
            known.clear()
        for member in (one, other):
            if member not in known:
                known[member] = fingerprint(member)
        likeness = compare(known[one], known[other])
        if likeness:
            clusters.join(one, other, likeness)
