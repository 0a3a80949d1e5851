"""Three rows that show what a choice of roles means: one with context, one without, and the longest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from studio.data.formats.shapes import SAMPLE, Values
from studio.data.reading import Parsed
from studio.data.roles import ANSWERS
from studio.data.roles.conversations import to_example, why_untrainable
from studio.data.store.dataset import Dataset
from studio.errors import DataError
from studio.templates.example import Example

KINDS = ("with context", "without context", "longest")
ANOTHER = "another"
PAGES = 5
PAGE = 100


@dataclass(frozen=True)
class SampleRow:
    """A row as it would be learned. `kind`: one of KINDS, or "another" where there is none of a kind.

    `number` is the row's id, `problem` why nothing could be learned from it; `example` is None if it cannot be read.
    """

    kind: str
    number: int
    values: dict[str, object]
    example: Example | None
    problem: str | None

    @property
    def has_context(self) -> bool:
        """An input, a system prompt, or more than one exchange."""
        turns = self.example.turns if self.example else ()
        return bool(self.example and (self.example.input or self.example.system or len(turns) > 2))

    @property
    def size(self) -> int:
        """Characters of all turns."""
        return sum(len(turn["content"]) for turn in self.example.turns) if self.example else 0


def sample_rows(source: Parsed | Dataset, mapping: Mapping[str, str]) -> list[SampleRow]:
    """Up to three different rows, of KINDS as far as there are any, out of 500 spread over all rows.

    Rows that can be learned come before those that cannot. Empty if no column is the answer.
    """
    if not ANSWERS & set(mapping.values()):
        return []
    rows = [read_row(number, values, mapping) for number, values in spread(source)]
    learned = [row for row in rows if row.problem is None]
    longest = max(learned or rows, key=lambda row: row.size, default=None)
    rest = [row for row in (*learned, *(row for row in rows if row.problem is not None)) if row is not longest]
    with_context = next((row for row in rest if row.has_context), None)
    without = next((row for row in rest if row.example and not row.has_context), None)
    chosen = [(kind, row) for kind, row in zip(KINDS, (with_context, without, longest), strict=True) if row]
    taken = {row.number for _, row in chosen}
    chosen += [(ANOTHER, row) for row in rest if row.number not in taken][: len(KINDS) - len(chosen)]
    return [replace(row, kind=kind) for kind, row in chosen]


def read_row(number: int, values: Values, mapping: Mapping[str, str]) -> SampleRow:
    """A row, and what can be learned from it."""
    try:
        example = to_example(values, mapping)
    except DataError as error:
        return SampleRow(ANOTHER, number, dict(values), None, str(error))
    return SampleRow(ANOTHER, number, dict(values), example, why_untrainable(example))


def spread(source: Parsed | Dataset) -> Iterator[tuple[int, Values]]:
    """(number, values) of up to 500 rows from everywhere; every row with every column."""
    if isinstance(source, Parsed):
        step = max(1, -(-len(source.rows) // SAMPLE))
        for index in range(0, len(source.rows), step):
            values = source.rows[index]
            yield index + 1, {column: values.get(column) for column in source.columns}
        return
    count = source.count()
    for offset in range(0, count, max(PAGE, -(-count // PAGES))):
        yield from ((row.id, row.values) for row in source.page(offset, PAGE))
