"""Files to rows: an untrusted file is read in a child process with limits on memory, time and size."""

import json
import mmap
import os
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio import system
from studio.data.files import shown
from studio.errors import DataError


@dataclass(frozen=True)
class Limits:
    """What the child may use."""

    memory: int = 4_000_000_000
    seconds: float = 60.0
    decoded: int = 1_000_000_000


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used. `line`: in the file, from 1; for Parquet and columnar JSON, the row's number."""

    line: int
    message: str


class BadRowsError(DataError):
    """Some rows of a file cannot be used. `problems` lists them (the first 10,000 of `count`)."""

    def __init__(self, message: str, problems: list[Problem], count: int):
        super().__init__(message)
        self.problems = problems
        self.count = count


class RowFile(Sequence):
    """Rows in a file on disk that has no name any more: read one at a time, gone when this object is."""

    def __init__(self, path: Path):
        with path.open("rb") as handle:
            self.data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        self.starts = array("Q", [0])
        end = self.data.find(b"\n")
        while end >= 0:
            self.starts.append(end + 1)
            end = self.data.find(b"\n", end + 1)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return json.loads(self.data[self.starts[number] : self.starts[number + 1]])

    def __iter__(self) -> Iterator[dict[str, object]]:
        return (self[number] for number in range(len(self)))


@dataclass(frozen=True)
class Parsed:
    """A file's content. `rows` behaves like a list of dicts and stays on disk; a row may lack some columns."""

    format: str
    columns: list[str]
    rows: Sequence[dict[str, object]]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encoding: str | None = None
    delimiter: str | None = None


def read_file(path: Path, name: str | None = None, drop_bad_rows: bool = False, limits: Limits | None = None) -> Parsed:
    """Read JSON, JSONL, CSV, TSV or Parquet; `name` is the file's name as the user knows it.

    Raises BadRowsError (a DataError) if rows cannot be used, unless `drop_bad_rows`; DataError if the
    file as a whole cannot.
    """
    limits, name = limits or Limits(), name or path.name
    check_file(path, name, limits)
    with tempfile.TemporaryDirectory(prefix="studio-parse-") as folder:
        result = run_child(path, name, Path(folder), limits)
        problems = [Problem(line, message) for line, message in result["problems"]]
        check_result(result, problems, name, drop_bad_rows)
        rows = RowFile(Path(folder) / "rows.jsonl")
    return Parsed(
        result["format"],
        result["columns"],
        rows,
        problems,
        result["notes"],
        result["encoding"],
        result["delimiter"],
    )


def check_file(path: Path, name: str, limits: Limits) -> None:
    """DataError unless `path` is a plain file of a size worth trying."""
    if not path.exists():
        raise DataError(f"There is no file {shown(name)}. Check the path.")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not a plain file"
        raise DataError(f"{shown(name)} is {kind}. Choose one JSON, JSONL, CSV, TSV or Parquet file.")
    if path.stat().st_size > limits.decoded:
        raise DataError(
            f"{shown(name)} is larger than {limits.decoded / 1e9:g} GB. Split it into parts and import one."
        )
    if not os.access(path, os.R_OK):
        raise DataError(f"{shown(name)} may not be read by this user. Change its permissions.")


def run_child(path: Path, name: str, folder: Path, limits: Limits) -> dict:
    """Run the parse child on a file and return its result.json."""
    extension = path.suffix.lower() or Path(name).suffix.lower()
    argv = [sys.executable, "-E", "-s", "-m", "studio.data.parse_child", str(path.resolve()), str(folder)]
    argv += [extension, str(limits.memory), str(limits.decoded)]
    try:
        done = subprocess.run(
            argv,
            cwd=system.project_folder(),
            env={"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"},  # no tokens for the child
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limits.seconds,
        )
    except subprocess.TimeoutExpired:
        raise DataError(
            f"{shown(name)} could not be read within {limits.seconds:g} seconds. Split it into parts."
        ) from None
    if done.returncode != 0 or not (folder / "result.json").exists():
        raise DataError(f"{shown(name)} could not be read: {why_ended(done)}. Nothing was imported.")
    return json.loads((folder / "result.json").read_text())


def why_ended(done: subprocess.CompletedProcess) -> str:
    """Why the child ended early, in words."""
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [""]
    if done.returncode < 0 or "MemoryError" in last[0] or "bad_alloc" in last[0]:
        return "it needs more memory than is allowed, or is damaged"
    return f"the reader gave up ({last[0][:160]})"


def check_result(result: dict, problems: list[Problem], name: str, drop_bad_rows: bool) -> None:
    """Raise what the child found wrong; nothing if the rows can be used."""
    if result["refusal"]:
        line, message = result["refusal"]
        place = f", line {line}" if line else ""
        raise DataError(f"{shown(name)}{place}: {message}. Nothing was imported.")
    count = result["problem_count"]
    if problems and not drop_bad_rows:
        first, unit = problems[0], "row" if result["format"] == "parquet" else "line"
        problem = "1 row" if count == 1 else f"the first of {count} rows"
        raise BadRowsError(
            f"{shown(name)}, {unit} {first.line}: {first.message} ({problem} that cannot be used). "
            "Nothing was imported: mend the file, or import it again and drop the bad rows.",
            problems,
            count,
        )
    if not result["rows"]:
        reason = "it holds no rows; choose a file with rows in it"
        if problems:
            reason = f"none of its {count} rows can be used; line {problems[0].line}: {problems[0].message}"
        raise DataError(f"{shown(name)}: {reason}. Nothing was imported.")
