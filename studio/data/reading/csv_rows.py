"""CSV and TSV to rows of text: cells stay exactly as written. Standard library alone."""

import csv
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from studio.data.reading.parsed import DELIMITERS
from studio.data.reading.sink import Refusal, Sink
from studio.data.reading.table_rows import Table

SAMPLE = 200_000
SAMPLE_RECORDS = 50
ENOUGH = 0.75  # share of records that are as wide as the header
LONGEST_NAME = 60  # characters of a header's cell, where a file's name does not say that it is a table


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart. Without `quotes`, a quotation mark is a character like any other."""

    delimiter: str
    quotes: bool = True


def read_csv(lines: Iterable[str], dialect: Dialect, header: bool, sink: Sink) -> None:
    """Rows keyed by the header; blank lines are skipped. `lines` keep their ends ("\\r\\n" inside quotes too)."""
    reader = make_reader(lines, dialect, strict=True)
    table, line = Table(sink, header), 1
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            note_error(str(error), line, table, sink)
            continue
        if record:
            table.add(record, line)
    table.check_not_empty()


def lines_of(text: str) -> Iterable[str]:
    """A text's lines with their ends, as the csv module wants them."""
    return io.StringIO(text, newline="")


def make_reader(lines: Iterable[str], dialect: Dialect, strict: bool = False):
    csv.field_size_limit(sys.maxsize)  # cells may be longer than the 131,072 characters it allows
    if dialect.quotes:
        return csv.reader(lines, delimiter=dialect.delimiter, strict=strict)
    return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=strict)


def note_error(message: str, line: int, table: Table, sink: Sink) -> None:
    if message.startswith("unexpected end"):
        raise Refusal("a quote opens there and is never closed, so the rest of the file is one cell", line)
    if table.header is None:
        raise Refusal(f"the header cannot be read ({message})", line)
    sink.note_problem(line, 'a quote inside a cell is not doubled ("" stands for one quote)')


def find_dialect(text: str, delimiter: str | None, extension: str = "") -> Dialect:
    """The dialect of a table: the delimiter as given, else by the file's ending or the widths of its records."""
    if delimiter is None:
        tabs = extension in (".tsv", ".tab") and "\t" in text.partition("\n")[0]
        delimiter = "\t" if tabs else sniff_delimiter(text)
    return Dialect(delimiter, delimiter != "\t" or quotes_hold(text))


def sniff_delimiter(text: str) -> str:
    """The delimiter by which the header has several names and most records as many cells."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = sample_widths(text, Dialect(delimiter))
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def sample_widths(text: str, dialect: Dialect) -> list[int]:
    """Cells per record at the beginning of a text."""
    sample = text[:SAMPLE]
    records = islice(make_reader(lines_of(sample), dialect), SAMPLE_RECORDS)
    widths = [len(record) for record in records if record]
    return (widths[:-1] or widths) if len(sample) < len(text) else widths  # the last record may be cut


def quotes_hold(text: str) -> bool:
    """Whether quotation marks in a table with tabs enclose cells.

    Many such tables do not quote at all: a cell that begins with a quotation mark then swallows its neighbours.
    Told by the faults of both readings: errors, and records that are not as wide as the first.
    """
    if '"' not in text:
        return True
    return count_faults(text, Dialect("\t")) <= count_faults(text, Dialect("\t", quotes=False))


def count_faults(text: str, dialect: Dialect) -> int:
    reader, faults, width = make_reader(lines_of(text), dialect, strict=True), 0, 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return faults
        except csv.Error:
            faults += 1
            continue
        width = width or len(record)
        faults += bool(record) and len(record) != width


def is_table(text: str) -> bool:
    """Whether a text of which the name says nothing is clearly a table, and not prose with commas in it.

    A few records of another width are faults of a table, which are told; else one bad line would make all lines text.
    """
    dialect = find_dialect(text, None)
    widths = sample_widths(text, dialect)
    if len(widths) < 2 or widths[0] < 2 or widths.count(widths[0]) < ENOUGH * len(widths):
        return False
    names = [name.strip() for name in next(make_reader(lines_of(text), dialect))]
    plain = all(name and len(name) <= LONGEST_NAME and name[-1] not in ".!?:" for name in names)
    return dialect.delimiter == "\t" or (plain and len(set(names)) == len(names))
