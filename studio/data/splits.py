"""Which rows train, which are for evaluation, which for the final test: decided by each row's id alone.

A row keeps its split whatever happens to the others, because nothing but its id and the seed enters.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TypeVar

from studio.errors import DataError

SPLITS = ("train", "eval", "test")

Item = TypeVar("Item")


def split_of(row_id: int, seed: int, eval_fraction: float, test_fraction: float) -> str:
    """ "train", "eval" or "test": the lowest `test_fraction` of the unit interval is test, then comes eval."""
    place = unit_interval("split", seed, row_id)
    if place < test_fraction:
        return "test"
    return "eval" if place < test_fraction + eval_fraction else "train"


def split_rows(
    rows: Iterable[Item],
    seed: int,
    eval_fraction: float,
    test_fraction: float,
    id_of: Callable[[Item], int] = lambda row: row.id,
) -> dict[str, list[Item]]:
    """Rows by split, each in a shuffled order that the seed and the ids alone decide.

    DataError for fractions that leave nothing to train on. A split of few rows may be empty.
    """
    check_fractions(eval_fraction, test_fraction)
    parts: dict[str, list[Item]] = {name: [] for name in SPLITS}
    for row in rows:
        parts[split_of(id_of(row), seed, eval_fraction, test_fraction)].append(row)
    for part in parts.values():
        part.sort(key=lambda row: (unit_interval("order", seed, id_of(row)), id_of(row)))
    return parts


def check_fractions(eval_fraction: float, test_fraction: float) -> None:
    if not (eval_fraction >= 0 and test_fraction >= 0 and eval_fraction + test_fraction < 1):
        raise DataError(
            f"The data cannot be split with {eval_fraction:g} for evaluation and {test_fraction:g} for the test: "
            "both must be at least 0 and together less than 1, so that rows to train on remain."
        )


def unit_interval(purpose: str, seed: int, row_id: int) -> float:
    """A number in [0, 1) that looks random and is always the same for these three."""
    data = blake2b(f"{purpose}:{seed}:{row_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(data) >> 11) / 2**53
