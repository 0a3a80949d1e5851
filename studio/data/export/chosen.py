"""The rows that an export writes: all or some, the same in every pass over them."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from studio.data.roles import Roles
from studio.data.roles.conversations import Unlearnable
from studio.data.splits import read_example
from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row, columns_of, read_rows
from studio.templates.example import Example


@dataclass
class ChosenRows:
    """Rows in the order of the dataset, read from one state of it however often they are gone through.

    A writer notes in `left_out` what its format cannot hold (reason -> row ids), and in `notes` what else differs.
    """

    db: sqlite3.Connection
    columns: list[str]
    roles: Roles
    wanted: frozenset[int] | None
    left_out: dict[str, list[int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Row]:
        rows = read_rows(self.db, "WHERE live = 1 ORDER BY position")
        return rows if self.wanted is None else (row for row in rows if row.id in self.wanted)

    def leave_out(self, row: Row, reason: str) -> None:
        """Note that a row is not written."""
        self.left_out.setdefault(reason, []).append(row.id)

    def examples(self) -> Iterator[tuple[Row, Example]]:
        """The rows as examples; those that are none are left out."""
        for row in self:
            example, reason = read_example(row, self.roles)
            if isinstance(example, Unlearnable):
                reason = example.problem
            if reason:
                self.leave_out(row, reason)
            else:
                yield row, example


@contextmanager
def choose_rows(dataset: Dataset, row_ids: Iterable[int] | None = None) -> Iterator[ChosenRows]:
    """The rows with these ids (None: all; those that are gone are passed over), as they are now, for the block."""
    roles = dataset.mapping
    with dataset.connect() as db:
        db.execute("BEGIN")  # readers keep the state of their first query until the end of the transaction
        wanted = None if row_ids is None else frozenset(row_ids)
        yield ChosenRows(db, columns_of(db), roles, wanted)
        db.execute("ROLLBACK")
