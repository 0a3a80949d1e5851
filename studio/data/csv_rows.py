"""CSV and TSV to rows of text: cells stay exactly as written. Standard library alone."""

import csv
import io
import sys
from itertools import islice

from studio.data.sink import MOST_COLUMNS, Refusal, Sink

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 200_000
SAMPLE_RECORDS = 50


def read_csv(text: str, sink: Sink) -> str:
    """Rows keyed by the header; returns the delimiter. Blank lines are skipped."""
    csv.field_size_limit(sys.maxsize)
    delimiter = sniff_delimiter(text)
    lines = io.StringIO(text, newline="")  # keeps "\r\n" inside quotes as it is
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header, line = None, 1
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return delimiter
        except csv.Error as error:
            note_error(str(error), line, header is None, sink)
            continue
        if not record:
            continue
        if header is None:
            header = check_header(record, line)
        else:
            add_record(record, header, line, sink)


def sniff_delimiter(text: str) -> str:
    """The delimiter by which the header has several names and most records as many cells."""
    sample = text[:SAMPLE]
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        widths = [len(record) for record in islice(reader, SAMPLE_RECORDS) if record]
        if len(sample) < len(text):
            widths = widths[:-1] or widths  # the last record may be cut
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def note_error(message: str, line: int, in_header: bool, sink: Sink) -> None:
    if message.startswith("unexpected end"):
        raise Refusal("a quote opens there and is never closed, so the rest of the file is one cell", line)
    if in_header:
        raise Refusal(f"the header cannot be read ({message})", line)
    sink.note_problem(line, 'a quote inside a cell is not doubled ("" stands for one quote)')


def check_header(record: list[str], line: int) -> list[str]:
    """The column names, spaces around them removed; Refusal names every fault."""
    header = [name.strip() for name in record]
    if len(header) > MOST_COLUMNS:
        raise Refusal(f"it has {len(header)} columns; keep the few that hold text to learn from")
    empty = [str(number) for number, name in enumerate(header, 1) if not name]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    faults = []
    if empty:
        faults.append(f"column {', '.join(empty[:8])} has no name (pandas writes its index so: save with index=False)")
    if twice:
        faults.append(f"several columns are named {', '.join(repr(name[:80]) for name in twice[:8])}")
    if faults:
        raise Refusal("; ".join(faults) + "; give every column a name of its own in the header", line)
    return header


def add_record(record: list[str], header: list[str], line: int, sink: Sink) -> None:
    if len(record) != len(header):
        cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
        sink.note_problem(
            line,
            f"{cells} where the header has {len(header)} columns (a delimiter inside a text needs quotes)",
        )
        return
    if any("\0" in cell for cell in record):
        sink.note_problem(line, "it holds a NUL character, which no text should")
        return
    sink.add(dict(zip(header, record, strict=True)), line)
