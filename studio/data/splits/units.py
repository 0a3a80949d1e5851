"""Rows that belong together, and where the hash puts them: the arithmetic under studio/data/splits."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby

from studio.data.roles.conversations import cell_text
from studio.templates.example import Example

BLOCK = 20
MOST_LABELS = 50
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("eval", "evaluation", "valid", "validation", "val", "dev"), "eval"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of a row matters for its split. Empty: it has none, and nothing is joined by it."""

    id: int
    prompt: bytes = b""
    label: str = ""
    group: str = ""
    asked: str = ""
    """What its cell in a column of the role "split" says, folded"""
    golden: bool = False

    @property
    def bound(self) -> str:
        """train, eval or test if its cell names one of them."""
        return SPLIT_NAMES.get(self.asked, "")


@dataclass(frozen=True)
class Unit:
    """Rows that share a split; `place` in [0, 1) says which, unless one of them is held out (eval or test)."""

    rows: list[Candidate]
    held: str
    place: float


def make_units(
    candidates: Sequence[Candidate], clusters: Mapping[int, int], by_prompt: bool, stratified: bool, seed: int
) -> list[Unit]:
    """Rows that share a group, a cluster or (with `by_prompt`) a prompt, directly or by others, as one unit each."""
    parts = join_rows(candidates, clusters, by_prompt)
    place = place_finder(seed)
    places = [place(key_of(rows)) for rows in parts]
    held = [hold(rows) for rows in parts]
    if stratified:
        places = rank_within_labels(parts, places, [index for index, split in enumerate(held) if not split])
    return [Unit(*unit) for unit in zip(parts, held, places, strict=True)]


def join_rows(candidates: Sequence[Candidate], clusters: Mapping[int, int], by_prompt: bool) -> list[list[Candidate]]:
    """Connected rows, each part in the order of their ids (union-find with path halving)."""
    candidates = sorted(candidates, key=lambda row: row.id)
    parents = list(range(len(candidates)))

    def find(index: int) -> int:
        while parents[index] != index:
            parents[index] = index = parents[parents[index]]
        return index

    first: dict[object, int] = {}
    for index, row in enumerate(candidates):
        links = [("group", row.group)] if row.group else []
        links += [("prompt", row.prompt)] if by_prompt and row.prompt else []
        links += [("cluster", clusters[row.id])] if row.id in clusters else []
        for link in links:
            parents[find(index)] = find(first.setdefault(link, index))
    parts = defaultdict(list)
    for index, row in enumerate(candidates):
        parts[find(index)].append(row)
    return list(parts.values())


def key_of(rows: list[Candidate]) -> int | str:
    """What the hash of a unit is taken of: the first of its groups, else its lowest row id."""
    return min((f"group:{row.group}" for row in rows if row.group), default=rows[0].id)


def place_finder(seed: int) -> Callable[[int | str], float]:
    """A function that gives keys their places in [0, 1): by their hash; row ids evenly.

    Of BLOCK ids in a row each takes another twentieth of the interval, in an order that the hash decides, so that
    a few rows are split nearly as the fractions say. Only the id and the seed enter, not the other rows.
    """
    ranks: dict[int, dict[int, int]] = {}

    def place(key: int | str) -> float:
        if isinstance(key, str):
            return unit_interval("split", seed, key)
        block = (key - 1) // BLOCK
        if block not in ranks:
            ids = range(block * BLOCK + 1, (block + 1) * BLOCK + 1)
            order = sorted(ids, key=lambda row_id: unit_interval("split", seed, row_id))
            ranks[block] = {row_id: rank for rank, row_id in enumerate(order)}
        return (ranks[block][key] + unit_interval("within", seed, key)) / BLOCK

    return place


def hold(rows: list[Candidate]) -> str:
    """The split that a unit is held for: the test for a golden row, else what its rows' own cells hold out."""
    bound = {row.bound for row in rows}
    if "test" in bound or any(row.golden for row in rows):
        return "test"
    return "eval" if "eval" in bound else ""


def rank_within_labels(parts: list[list[Candidate]], places: list[float], free: list[int]) -> list[float]:
    """New places for the units `free`: the middle of each when those of its label stand in the order of their hash."""
    labels = {index: Counter(row.label for row in parts[index]).most_common(1)[0][0] for index in free}
    ranked = list(places)
    line = sorted(free, key=lambda index: (labels[index], places[index], parts[index][0].id))
    for _, group in groupby(line, key=labels.__getitem__):
        indexes = list(group)
        total, before = sum(len(parts[index]) for index in indexes), 0
        for index in indexes:
            ranked[index] = (before + len(parts[index]) / 2) / total
            before += len(parts[index])
    return ranked


def has_labels(candidates: Sequence[Candidate]) -> bool:
    """Whether the answers repeat enough to be labels."""
    return len({row.label for row in candidates}) <= MOST_LABELS


def fold(value: object) -> str:
    """A cell's text for comparison: NFKC, case folded, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFKC", cell_text(value)).casefold().split())


def prompt_digest(example: Example) -> bytes:
    """16 bytes that prompts share when they are equal but for case and spaces; empty for an empty prompt."""
    turns = [(turn["role"], fold(turn["content"])) for turn in example.prompt_turns]
    if not any(text for role, text in turns if role != "system"):
        return b""
    text = "\x1f".join(f"{role}:{text}" for role, text in turns)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def unit_interval(purpose: str, seed: int, key: int | str) -> float:
    """A number in [0, 1) that looks random and is always the same for these three."""
    data = blake2b(f"{purpose}:{seed}:{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(data) >> 11) / 2**53
