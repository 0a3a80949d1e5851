"""Finds and replaces text in rows, in a child process that is ended when a pattern takes too long."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from studio.data.files import listed, shown
from studio.data.store.tables import Stored
from studio.errors import DataError

BATCH_SECONDS = 3.0
PASS_SECONDS = 120.0
ROWS_AT_ONCE = 500
TEXT_AT_ONCE = 1_000_000
LONGEST_PATTERN = 10_000


@dataclass(frozen=True)
class Replacement:
    """What to find and what to put there. `columns`: where to look; none given: everywhere.

    `regex`: a regular expression as Python's `re` reads it, with \\1 or \\g<name> for its groups in `replace`.
    `whole_words`: only where no letter, digit or _ touches it.
    """

    find: str
    replace: str
    columns: tuple[str, ...] = ()
    regex: bool = False
    ignore_case: bool = False
    whole_words: bool = False

    def __str__(self) -> str:
        return f"the replacement of {shown(self.find)} with {shown(self.replace)}"


class Replacer:
    """A child at work on one replacement; use it as a context manager."""

    def __init__(self, asked: Replacement, columns: list[str]):
        """DataError for a column there is not, nothing to find, or a regular expression that cannot be read."""
        check_replacement(asked, columns)
        self.asked = asked
        self.seconds = PASS_SECONDS
        self.child = start_child()
        positions = [columns.index(column) for column in asked.columns] or None
        try:
            self.ask(json.dumps({**vars(asked), "columns": positions}))
        except DataError:
            self.close()
            raise

    def __enter__(self) -> "Replacer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        with suppress(BrokenPipeError):  # what was still to be written
            self.child.stdin.close()
        self.child.stdout.close()

    def change_rows(self, rows: Iterable[Stored]) -> Iterator[tuple[Stored, str, int]]:
        """The rows that change, with their cells as they become and how many of them change."""
        for batch in portions(rows):
            replies = self.ask(f"[{','.join(row.cells for row in batch)}]")
            for row, reply in zip(batch, replies, strict=True):
                if reply is not None:
                    yield row, reply[1], reply[0]

    def ask(self, request: str) -> list:
        """One request to the child and its reply. The child reads all of it before it writes: no deadlock."""
        start, limit = time.monotonic(), min(BATCH_SECONDS, self.seconds)
        alarm = threading.Timer(limit, self.child.kill)
        alarm.start()
        line = b""
        try:
            self.child.stdin.write(request.encode() + b"\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            pass  # it was ended
        finally:
            alarm.cancel()
        took = time.monotonic() - start
        self.seconds -= took
        if not line.endswith(b"\n"):
            fault = "takes too long" if took >= limit else "takes too much memory"
            raise self.refuse(fault, "Make it simpler, above all repeats inside repeats, or choose fewer rows.")
        reply = json.loads(line)
        if "error" in reply:
            raise self.refuse(*reply["error"])
        return reply["rows"]

    def refuse(self, fault: str, mend: str) -> DataError:
        return DataError(f"Finding {shown(self.asked.find)} {fault}, so nothing was replaced. {mend}")


def check_replacement(asked: Replacement, columns: list[str]) -> None:
    unknown = [column for column in asked.columns if column not in columns]
    if unknown:
        raise DataError(f"There is no column {listed(unknown)}. The columns are {listed(columns)}.")
    if not asked.find:
        raise DataError("There is nothing to find. Type the text to look for.")
    if max(len(asked.find), len(asked.replace)) > LONGEST_PATTERN:
        raise DataError(f"The text to find or to put in is longer than {LONGEST_PATTERN:,} characters. Shorten it.")


def portions(rows: Iterable[Stored]) -> Iterator[list[Stored]]:
    """Rows in lists that the child can answer in a moment."""
    portion, size = [], 0
    for row in rows:
        portion.append(row)
        size += len(row.cells)
        if len(portion) >= ROWS_AT_ONCE or size >= TEXT_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def start_child() -> subprocess.Popen:
    """Python alone: -I keeps the user's environment and folder out of it."""
    script = Path(__file__).with_name("replace_child.py")
    argv = [sys.executable, "-I", "-S", str(script)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
