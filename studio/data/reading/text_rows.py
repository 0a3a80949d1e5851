"""Plain text to rows of one column, `text`. Standard library alone."""

import re
from collections.abc import Iterable, Iterator

from studio.data.reading.sink import Sink

COLUMN = "text"
BLANK_LINES = re.compile(r"\n(?:[ \t\r]*\n)+")


def read_text(text: str, text_as: str, sink: Sink) -> None:
    """Rows of a text: its lines, its paragraphs (blank lines lie between them), or all of it as one."""
    if text_as == "lines":
        read_text_lines(text.split("\n"), sink)
        return
    for line, piece in paragraphs(text) if text_as == "paragraphs" else [(1, text)]:
        add_text(piece, line, sink)


def read_text_lines(lines: Iterable[str], sink: Sink) -> None:
    """One row per line that is not blank, without the end of the line."""
    for number, line in enumerate(lines, 1):
        add_text(line.rstrip("\r\n"), number, sink)


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Each paragraph with its first line's number; line breaks within it stay."""
    start = line = 0
    for gap in BLANK_LINES.finditer(text):
        yield line + 1, text[start : gap.start()].rstrip("\r")
        line += text.count("\n", start, gap.end())
        start = gap.end()
    yield line + 1, text[start:].rstrip("\r\n")


def add_text(piece: str, line: int, sink: Sink) -> None:
    """One row, unless it is blank."""
    if "\0" in piece:
        sink.note_problem(line, "it holds a NUL character, which no text should; delete it")
    elif piece.strip():
        sink.add({COLUMN: piece}, line)
