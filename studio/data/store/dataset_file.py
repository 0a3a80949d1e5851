"""The file of a dataset: a connection for every call, one transaction for every change."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from studio.data.store import schema, tables
from studio.errors import DataError

Clock = Callable[[], str]


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class DatasetFile:
    """Holds no connection and no state, so it may be shared between threads."""

    path: Path
    clock: Clock = utc_now

    @property
    def id(self) -> str:
        return self.path.stem

    def read_meta(self, key: str):
        with self.connect() as db:
            return json.loads(db.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()[0])

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, whichever schema the file has: handlers run in many threads."""
        with self.open() as db:
            schema.read_as_present(db)
            yield db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: after the block all of it is on the disk, or nothing is."""
        with self.open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                schema.upgrade(db)
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():
            raise DataError(f"The dataset '{self.id}' is no longer there. Choose another one.")
        try:
            with closing(tables.open_file(self.path)) as db:
                yield db
        except sqlite3.Error as error:
            fault = f"The dataset '{self.id}' cannot be read or written ({error})."
            raise DataError(f"{fault} {tables.mend(error)}") from error
