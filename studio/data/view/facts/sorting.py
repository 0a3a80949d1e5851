"""The order of a column: numbers by size, then texts by their first characters with case ignored, empty cells last.

Ranks are dense: equal cells share one, so that the dataset's own order decides between them.
"""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.data.view.search import CELL_END, ROW_END

if TYPE_CHECKING:
    import numpy as np

NONE = -1
KEY_BYTES = 48
NUMBER, TEXT, EMPTY = b"\x01", b"\x02", b"\xff"
LONGEST_NUMBER = 40


def sort_key(cell: bytes) -> bytes:
    """What a cell is compared by, at most KEY_BYTES long; `cell`: its folded text as UTF-8."""
    if not cell:
        return EMPTY
    if cell[0] in b"+-.0123456789" and len(cell) <= LONGEST_NUMBER and b"_" not in cell:
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return NUMBER + ordered_bytes(number)
    return TEXT + cell[: KEY_BYTES - 1]


def ordered_bytes(number: float) -> bytes:
    """Eight bytes that compare like the number: its IEEE bits, with the sign turned round (negative ones: all bits)."""
    bits = struct.unpack(">Q", struct.pack(">d", number + 0.0))[0]  # + 0.0: no negative zero
    return struct.pack(">Q", bits ^ (2**64 - 1 if bits >> 63 else 1 << 63))


def make_keys(cells: Iterable[bytes]) -> "np.ndarray":
    """The keys of cells, as an array of fixed width."""
    import numpy as np

    return np.array([sort_key(cell) for cell in cells], dtype=f"S{KEY_BYTES}")


@dataclass(frozen=True)
class Ranks:
    """A column in order. `keys`: the different ones, ascending; `ranks`: int32, for each row its key's place there."""

    keys: "np.ndarray"
    ranks: "np.ndarray"

    def arrays(self, column: str) -> dict[str, "np.ndarray"]:
        """As they are kept; the rank of empty cells apart, so that the keys are read only if late ones have come."""
        import numpy as np

        empty = np.array([find_empty(self.keys)], np.int64)
        return {f"keys:{column}": self.keys, f"ranks:{column}": self.ranks, f"empty:{column}": empty}


def find_empty(keys: "np.ndarray") -> int:
    """The rank of empty cells, NONE if there are none."""
    return len(keys) - 1 if len(keys) and keys[-1] == EMPTY else NONE


def rank_column(blocks: Iterable[bytes], number: int) -> Ranks:
    """The ranks of a column in blocks of texts (search.py); a row that has fewer cells counts as empty."""
    import numpy as np

    cells = (row.split(CELL_END, number + 1) for data in blocks for row in data[: -len(ROW_END)].split(ROW_END))
    keys, ranks = np.unique(make_keys(row[number] if number < len(row) else b"" for row in cells), return_inverse=True)
    return Ranks(keys, ranks.astype(np.int32))


def merge_ranks(keys: "np.ndarray", ranks: "np.ndarray", late: "np.ndarray") -> tuple["np.ndarray", "np.ndarray", int]:
    """Ranks after late keys came: (those of before, moved; those of the late keys; the one of empty cells, else NONE).

    The keys of before are not sorted again: a rank moves by how many new keys stand before it.
    """
    import numpy as np

    places = np.searchsorted(keys, late)
    known = np.zeros(len(late), bool)
    inside = places < len(keys)
    known[inside] = keys[places[inside]] == late[inside]
    new = np.unique(late[~known])
    moves = np.cumsum(np.bincount(np.searchsorted(keys, new), minlength=len(keys) + 1))
    count = len(keys) + len(new)
    empty = count - 1 if max(find_empty(keys), find_empty(new)) != NONE else NONE  # the greatest key there is
    return ranks + moves[ranks], places + np.searchsorted(new, late), empty


def sort_by_ranks(ranks: "np.ndarray", descending: bool, last: int = NONE) -> "np.ndarray":
    """The places of ranks (whole numbers from 0) in order; equal ones keep theirs, the rank `last` is always last."""
    import numpy as np

    ranks = ranks.astype(np.int64)
    if descending:
        top = int(ranks.max(initial=0))
        ranks = np.where(ranks == last, top + 1, top - ranks)
    bits = max(1, len(ranks).bit_length())
    return np.sort(ranks << bits | np.arange(len(ranks))) & (1 << bits) - 1
