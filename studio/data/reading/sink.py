"""Where the reading children put rows: one JSON line each, with every problem noted and the size watched.

Imports the standard library alone: it runs in the child that reads untrusted files.
"""

import json
from collections import Counter
from typing import IO

MOST_COLUMNS = 500
MOST_PROBLEMS = 10_000


class Refusal(Exception):
    """The file as a whole cannot be read; no row of it is used. `line` counts from 1."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.message = message
        self.line = line


class Enough(Exception):
    """As many rows as were asked for are read."""


class Sink:
    """Takes rows in order; a row with a problem is noted and left out.

    `added` is put into every row that has no such columns. `file` is said with each problem where rows come from
    several files. With `most_rows`, Enough is raised once so many are written.
    """

    def __init__(
        self,
        output: IO[bytes],
        most_bytes: int,
        added: dict[str, str] | None = None,
        most_rows: int | None = None,
    ):
        self.output = output
        self.most_bytes = most_bytes
        self.most_rows = most_rows
        self.added = added or {}
        self.has_added = False
        self.file = ""
        self.columns: Counter[str] = Counter()
        self.rows = 0
        self.bytes = 0
        self.problems: list[tuple[int, str]] = []
        self.problem_count = 0
        self.notes: list[str] = []
        self.sheets: list[str] = []
        self.label_names: dict[str, list[str]] = {}

    def note_problem(self, line: int, message: str) -> None:
        """A row that cannot be used, by its line in the file (or its number, where there are no lines)."""
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append((line, f"in {self.file!r}, {message}" if self.file else message))

    def add(self, row: object, line: int, flaws: list[str] | None = None) -> None:
        """Write a row; one that is no object, or holds what no text file can, is a problem."""
        fault = flaws[0] if flaws else fault_of(row)
        if fault is None:
            try:
                self.write(row)
                return
            except UnicodeEncodeError as error:
                fault = describe_surrogate(error)
        self.note_problem(line, fault)

    def write(self, row: dict) -> None:
        """Append a row; Refusal once all rows together are too much."""
        lacking = {name: value for name, value in self.added.items() if name not in row}
        if lacking:
            row, self.has_added = {**row, **lacking}, True
        data = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.bytes += len(data)
        if self.bytes > self.most_bytes:
            raise self.too_much()
        self.columns.update(row.keys())
        if len(self.columns) > MOST_COLUMNS:
            raise Refusal(f"it has more than {MOST_COLUMNS} columns; keep the few that hold text to learn from")
        self.output.write(data)
        self.rows += 1
        if self.rows == self.most_rows:
            raise Enough

    def check_room(self, size: int) -> None:
        """Refusal if so many bytes more, decoded, would be too much."""
        if self.bytes + size > self.most_bytes:
            raise self.too_much()

    def too_much(self) -> Refusal:
        return Refusal(f"it holds more than {self.most_bytes / 1e9:g} GB once decoded; split it into parts")

    def note_missing(self) -> None:
        """Say which columns not every row has: such files often hold two kinds of rows."""
        gaps = {name: self.rows - count for name, count in self.columns.items() if count < self.rows}
        if gaps:
            name, count = max(gaps.items(), key=lambda item: item[1])
            self.notes.append(
                f"The rows differ in their keys: {count} of {self.rows} have no {name[:80]!r}"
                + (f", and {len(gaps) - 1} more keys are missing in places." if len(gaps) > 1 else ".")
            )

    def result(self) -> dict[str, object]:
        """All but the rows, as result.json has it."""
        return {
            "columns": list(self.columns),
            "rows": self.rows,
            "problems": self.problems,
            "problem_count": self.problem_count,
            "notes": self.notes,
            "sheets": self.sheets,
            "label_names": self.label_names,
            "added": self.has_added,
        }


def fault_of(row: object) -> str | None:
    """Why a value is no row, in words; None if it is one."""
    if not isinstance(row, dict):
        kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        return f"a row must be an object with named values, and this is {kinds.get(type(row), 'a number')}"
    if not row:
        return "the object is empty; fill it in, or delete it"
    if "" in row:
        return "a value has no name; give it one in place of the empty key"
    return None


def describe_surrogate(error: UnicodeEncodeError) -> str:
    """Undecodable bytes come as U+DC80 to U+DCFF (surrogateescape); other surrogates stood in the file."""
    code = ord(error.object[error.start])
    if 0xDC80 <= code <= 0xDCFF:
        return f"it holds a byte that is not UTF-8 (0x{code - 0xDC00:02X}); save the file as UTF-8"
    return f"it holds half of a character (lone surrogate U+{code:04X}), which cannot be stored as text; delete it"
