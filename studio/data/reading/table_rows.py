"""Records of a table (CSV, a sheet of a workbook) to rows: the header checked, every record as wide as it."""

from studio.data.reading.sink import MOST_COLUMNS, Refusal, Sink


class Table:
    """Takes records in order. The first is the header, unless the table has none: then columns are numbered."""

    def __init__(self, sink: Sink, header: bool = True):
        self.sink = sink
        self.has_header = header
        self.header: list[str] | None = None

    def add(self, record: list[str], line: int) -> None:
        """A record; one that is too short or too long is a problem."""
        if self.header is None:
            if self.has_header:
                self.header = check_header(record, line)
                return
            check_width(len(record))
            self.header = [f"column_{number}" for number in range(1, len(record) + 1)]
        if len(record) != len(self.header):
            cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
            whole = "the header has" if self.has_header else "the first row has"
            self.sink.note_problem(
                line, f"{cells} where {whole} {len(self.header)} columns (a delimiter inside a text needs quotes)"
            )
        elif any("\0" in cell for cell in record):
            self.sink.note_problem(line, "it holds a NUL character, which no text should; delete it")
        else:
            self.sink.add(dict(zip(self.header, record, strict=True)), line)

    def check_not_empty(self) -> None:
        """Refusal if there is a header and nothing below it."""
        if self.header is not None and not self.sink.rows and not self.sink.problem_count:
            raise Refusal("it has a header and no rows; choose a file with rows in it", 1)


def check_width(width: int) -> None:
    if width > MOST_COLUMNS:
        raise Refusal(f"it has {width} columns; keep the few that hold text to learn from")


def check_header(record: list[str], line: int) -> list[str]:
    """The column names, spaces around them removed; Refusal names every fault."""
    header = [name.strip() for name in record]
    check_width(len(header))
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
