"""What reading takes and gives: limits, options, rows and the problems found on the way."""

import json
import mmap
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from studio.data.files import listed, shown
from studio.errors import DataError

# Encodings a user may choose: the first is the rule, the rest what older programs and spreadsheets write.
ENCODINGS = (
    "utf-8",
    *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
    *("cp1252", "iso8859-15", "cp1250", "iso8859-2", "cp1251", "koi8-r", "cp1253", "cp1254", "cp1255", "cp1256"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949", "mac-roman", "cp437", "cp850"),
)
DELIMITERS = (",", ";", "\t", "|")
TEXT_AS = ("lines", "paragraphs", "file")


@dataclass(frozen=True)
class Limits:
    """What the child may use: bytes of memory, seconds, bytes of rows once decoded."""

    memory: int = 4_000_000_000
    seconds: float = 60.0
    decoded: int = 1_000_000_000


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read. None: found out from the file, and said in `Parsed.options`.

    `delimiter` and `header` belong to tables; `sheet` is a sheet of a workbook, or the list of rows in a JSON object
    that holds several ("train"); `text_as` says what one row of a plain text is: a line, a paragraph or all of it.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    sheet: str | None = None
    text_as: str | None = None

    def __post_init__(self):
        for name, choices in (("encoding", ENCODINGS), ("delimiter", DELIMITERS), ("text_as", TEXT_AS)):
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise DataError(
                    f"A file cannot be read with {shown(str(value))} as its {name}. "
                    f"Choose one of {listed(list(choices), len(choices))}."
                )

    def to_json(self) -> dict[str, object]:
        """The options as JSON has them."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used. `line`: in the file, from 1; where a file has no lines, the row's number.

    The message says in which file it stands, where several are read at once.
    """

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
    """A file's content. `rows` behaves like a list of dicts and stays on disk; a row may lack some columns.

    `options`: how it was read, everything found out filled in; `sheets`: what `options.sheet` may be;
    `label_names`: column -> what its integers mean, where the file says so; `source`: what else is known of where
    the rows come from (a hub dataset's name, revision, subset, split, licence).
    """

    format: str
    columns: list[str]
    rows: Sequence[dict[str, object]]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encoding: str | None = None
    delimiter: str | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    sheets: list[str] = field(default_factory=list)
    label_names: dict[str, list[str]] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
