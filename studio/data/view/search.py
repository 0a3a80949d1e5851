"""Search over the folded texts of all rows, laid out so that any substring is found at the speed of memory.

A row is its folded cells as UTF-8, with 0xFE between two cells and 0xFF at the end; neither byte occurs in UTF-8, so
no match reaches over a border. Rows lie in blocks of about a megabyte. A block is compared with the rarest bytes of
the term first, in numpy, which needs no index of words: one Chinese character is found like a whole sentence.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from studio.data.roles.conversations import cell_text

if TYPE_CHECKING:
    import numpy as np

    Spans = tuple[np.ndarray, np.ndarray]

CELL_END = b"\xfe"
ROW_END = b"\xff"
BLOCK_BYTES = 2**20
RAREST = 3
SAMPLE_BYTES = 2**13
FEW_SHARE = 16  # if no more than this part of the rows is left, they are looked at one by one
SPARSE_SHARE = 64  # the same for places in the data


@dataclass(frozen=True)
class Search:
    """What a row must hold: `terms` in any cell, and for each (column number, text) the text in that cell."""

    terms: tuple[str, ...] = ()
    cells: tuple[tuple[int, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.cells)


@dataclass(frozen=True)
class Block:
    """Texts of consecutive rows. `last`: int64, for each row the place of its last byte in `data`."""

    data: bytes
    last: "np.ndarray"

    @cached_property
    def bytes(self) -> "np.ndarray":
        import numpy as np

        return np.frombuffer(self.data, np.uint8)

    @cached_property
    def rows(self) -> "Spans":
        """Where each row begins, and the place behind its text."""
        import numpy as np

        return np.append(0, self.last[:-1] + 1), self.last

    def cells(self, column: int) -> "Spans":
        """Where the cell of a column begins in each row, and the place behind it; the same place if there is none."""
        import numpy as np

        starts, ends = self.rows
        borders = np.append(np.flatnonzero(self.bytes == CELL_END[0]), len(self.data))
        first = np.searchsorted(borders, starts)  # the first border that is not before the row
        before, behind = (np.minimum(first + number, len(borders) - 1) for number in (column - 1, column))
        begins = starts if column == 0 else np.minimum(borders[before] + 1, ends)
        return begins, np.minimum(borders[behind], ends)


def split_terms(search: str) -> tuple[str, ...]:
    """The words of a search, folded, each once; a part in double quotes is one term, a single quote sign is itself."""
    parts = (phrase or word for phrase, word in re.findall(r'"([^"]+)"|(\S+?(?=\s|"[^"]+"|$))', search))
    return tuple(dict.fromkeys(part.casefold() for part in parts if part.strip()))


def lay_out(cells: Sequence[object]) -> bytes:
    """The text of a row as it lies in a block."""
    return CELL_END.join(cell_text(cell).casefold().encode() for cell in cells) + ROW_END


def make_blocks(texts: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Rows' texts joined to blocks: (data, as bytes of uint32 where each row's last byte is)."""
    import numpy as np

    def finish() -> tuple[bytes, bytes]:
        return b"".join(rows), (np.cumsum([len(row) for row in rows]) - 1).astype(np.uint32).tobytes()

    rows, size = [], 0
    for text in texts:
        rows.append(text)
        size += len(text)
        if size >= BLOCK_BYTES:
            yield finish()
            rows, size = [], 0
    if rows:
        yield finish()


def find_in_block(block: Block, wanted: Search) -> "np.ndarray":
    """The numbers of the rows of a block that hold everything wanted, ascending; `wanted` is not empty."""
    import numpy as np

    often = np.bincount(block.bytes[:SAMPLE_BYTES], minlength=256)
    parts = {(None, term.encode()) for term in wanted.terms} | {
        (column, text.encode()) for column, text in wanted.cells
    }
    rows, few = np.arange(len(block.last)), len(block.last) // FEW_SHARE
    for column, term in sorted(parts, key=lambda part: expect(often, part[1])):
        starts, ends = block.rows if column is None else block.cells(column)
        if len(rows) > few:
            rows = rows[find_term(block.bytes, term, often, starts, ends)[rows]]
        else:
            places = zip(starts[rows].tolist(), ends[rows].tolist(), strict=True)
            rows = rows[np.array([block.data.find(term, *place) >= 0 for place in places], bool)]
    return rows


def expect(often: "np.ndarray", term: bytes) -> float:
    """How often a term may be expected, for comparison only: as if its rarest bytes came independently."""
    counts = sorted(int(often[byte]) for byte in term)[:RAREST]
    return math.prod((count + 0.1) / SAMPLE_BYTES for count in counts)


def find_term(
    data: "np.ndarray", term: bytes, often: "np.ndarray", starts: "np.ndarray", ends: "np.ndarray"
) -> "np.ndarray":
    """bool for each (start, end) in the data: whether the term stands in it. `often`: how often each byte comes."""
    import numpy as np

    count = max(0, len(data) - len(term) + 1)
    order = sorted(range(len(term)), key=lambda place: int(often[term[place]]))  # the rarest bytes first
    hit = np.zeros(len(data) + 1, bool)  # so long that every start and end is inside
    hit[:count] = data[order[0] : order[0] + count] == term[order[0]]
    while order := order[1:]:
        if np.count_nonzero(hit) < count // SPARSE_SHARE:
            places = np.flatnonzero(hit)
            for place in order:
                places = places[data[places + place] == term[place]]
            return np.searchsorted(places, ends) > np.searchsorted(places, starts)
        hit[:count] &= data[order[0] : order[0] + count] == term[order[0]]
    return np.logical_or.reduceat(hit, np.stack([starts, ends], 1).ravel())[::2]


def holds(text: bytes, wanted: Search) -> bool:
    """Whether a row's text holds everything wanted."""
    if not all(term.encode() in text for term in wanted.terms):
        return False
    if not wanted.cells:
        return True
    cells = text[:-1].split(CELL_END)
    return all(number < len(cells) and part.encode() in cells[number] for number, part in wanted.cells)


def scan_condition(search: Search) -> tuple[str, list]:
    """SQL and its parameters for the live rows of a dataset's own file that hold the terms: slow, but always right."""
    where = "".join(" AND instr(folded, ?) > 0" for _ in search.terms)
    return f"live = 1{where}", list(search.terms)
