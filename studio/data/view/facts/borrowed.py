"""Facts that others work out about rows, taken over into facts.db: checks.db (the checks) and splits.db (the splits).

Each is a list of pairs: a row's id and a value, which is a number or the code of a name. They are read anew when their
file changed. A file that is missing, or not yet whole, gives none.
"""

import json
import sqlite3
from array import array
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.data.view.facts.file import load_array, save_array, write
from studio.data.view.facts.rows import NONE, Names

if TYPE_CHECKING:
    import numpy as np

# kind: (the file, what gives rows, values and groups)
KINDS = {
    "checks": ("checks.db", f"SELECT DISTINCT row_id, name, coalesce(group_id, {NONE}) FROM findings"),
    "languages": (
        "checks.db",
        f"SELECT row_id, prompt, {NONE} FROM languages WHERE prompt <> '' "
        f"UNION SELECT row_id, answer, {NONE} FROM languages WHERE answer <> ''",
    ),
    "tokens": ("checks.db", f"SELECT row_id, total, {NONE} FROM tokens"),
    "splits": ("splits.db", f"SELECT row_id, split, {NONE} FROM splits"),
}
PARTS = ("rows", "values", "groups")


@dataclass(frozen=True)
class Pairs:
    """int64 arrays of one length: row ids, values, and the group in which the row was found (-1: in none).

    `names`: what the values stand for, if they are codes. `seq`: the entry of the dataset's log of which they are, None
    if nobody says so.
    """

    rows: "np.ndarray"
    values: "np.ndarray"
    groups: "np.ndarray"
    names: list[str]
    seq: int | None = None

    def only(self, mask: "np.ndarray") -> "Pairs":
        return Pairs(self.rows[mask], self.values[mask], self.groups[mask], self.names, self.seq)


def bring_up_borrowed(db: sqlite3.Connection, folder: Path) -> None:
    """Take over what changed in the files of a dataset's cache folder."""
    known = dict(db.execute("SELECT kind, stamp FROM borrowed"))
    stamps = {file: stamp_of(folder / file) for file, _ in KINDS.values()}
    for kind, (file, query) in KINDS.items():
        if known.get(kind, "") != stamps[file]:
            pairs = read_pairs(folder / file, query)
            with write(db):
                for part in PARTS:
                    save_array(db, f"borrowed:{kind}:{part}", getattr(pairs, part))
                line = [kind, stamps[file], pairs.seq, json.dumps(pairs.names)]
                db.execute("INSERT OR REPLACE INTO borrowed (kind, stamp, seq, names) VALUES (?, ?, ?, ?)", line)


def stamp_of(path: Path) -> str:
    """Changes whenever somebody writes to the file; "" if it is not there."""
    stamps = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):
            found = one.stat()
            stamps.append(f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}")
    return " ".join(stamps)


def read_pairs(path: Path, query: str) -> Pairs:
    """The pairs of a file; none from one that is not there or not whole."""
    import numpy as np

    names, lines, seq = Names(), array("q"), None
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        for row_id, value, group in db.execute(query):
            lines.extend((row_id, names.code(value) if isinstance(value, str) else value, group))
        found = db.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()
        seq = int(found[0]) if found else None
    return Pairs(*np.array(lines, np.int64).reshape(-1, 3).T, names.listed(), seq)


def load_pairs(db: sqlite3.Connection, kind: str) -> Pairs:
    """The pairs of one kind as they were taken over."""
    import numpy as np

    found = db.execute("SELECT seq, names FROM borrowed WHERE kind = ?", [kind]).fetchone()
    if not found:
        return Pairs(*np.empty((3, 0), np.int64), [])
    return Pairs(*(load_array(db, f"borrowed:{kind}:{part}") for part in PARTS), json.loads(found[1]), found[0])
