"""JSON and JSON Lines to rows, with the line of every row. Standard library alone."""

import io
import json
import math
from collections.abc import Iterable
from json.decoder import WHITESPACE

from studio.data.reading.sink import Refusal, Sink

TABLE_KEYS = ("data", "train", "rows", "examples", "records", "items")
TURN_KEYS = ({"role", "content"}, {"from", "value"}, {"input", "output"})
MOST_DIGITS = 4000  # Python refuses to read or write integers of more than 4300


class Decoder:
    """Decodes one value at a time and notes what JSON allows but no row may hold."""

    def __init__(self):
        self.flaws: list[str] = []
        self.json = json.JSONDecoder(
            object_pairs_hook=self.build_object,
            parse_float=self.build_float,
            parse_int=self.build_int,
            parse_constant=self.build_constant,
        )

    def decode(self, text: str, start: int) -> tuple[object, int, list[str]]:
        """The value at `start`, where it ends, and its flaws; JSONDecodeError if it is not JSON."""
        self.flaws = []
        try:
            value, end = self.json.raw_decode(text, start)
        except RecursionError:
            raise json.JSONDecodeError("nested too deeply", text, start) from None
        return value, end, self.flaws

    def build_object(self, pairs: list[tuple[str, object]]) -> dict:
        row = dict(pairs)
        if len(row) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            self.flaws.append(f"the key {twice[:80]!r} stands in it twice; keep one of them")
        return row

    def build_float(self, text: str) -> float:
        value = float(text)
        if math.isinf(value):
            self.flaws.append(f"the number {text[:40]} is too large; write it as text in quotes")
        return value

    def build_int(self, text: str) -> int:
        if len(text) > MOST_DIGITS:
            self.flaws.append(f"a number has {len(text)} digits; write it as text in quotes")
            return 0
        return int(text)

    def build_constant(self, text: str) -> None:
        self.flaws.append(f"{text} is not JSON; write null, or text in quotes")


def skip_space(text: str, start: int) -> int:
    return WHITESPACE.match(text, start).end()


def describe(error: json.JSONDecodeError, end: int) -> str:
    """A decoder's message for people. `end`: where the line or file ends."""
    if error.msg == "nested too deeply":
        return "its values are nested too deeply; make them flatter, or write them as text"
    if error.pos >= end or error.msg.startswith("Unterminated string"):
        return "it ends in the middle of a value; the file may be cut off"
    found = error.doc[error.pos : error.pos + 1]
    return f"not valid JSON at character {error.colno} ({found!r}): {error.msg[0].lower()}{error.msg[1:]}"


def lines_of(text: str) -> Iterable[str]:
    """A text's lines. Only "\\n" ends one: other separators that Unicode knows may stand inside a value."""
    return io.StringIO(text, newline="\n")


def read_lines(lines: Iterable[str], sink: Sink) -> None:
    """One object per line; blank lines are skipped."""
    decoder = Decoder()
    for number, line in enumerate(lines, 1):
        piece = line.strip()
        if piece:
            read_line(decoder, piece, number, sink)


def read_line(decoder: Decoder, piece: str, line: int, sink: Sink) -> None:
    try:
        row, end, flaws = decoder.decode(piece, 0)
    except json.JSONDecodeError as error:
        sink.note_problem(line, describe(error, len(piece)))
        return
    if end < len(piece):
        flaws = ["more follows after the object on the same line; put one object on each line"]
    sink.add(row, line, flaws)


def read_document(text: str, sink: Sink, table: str | None = None) -> str | None:
    """An array of objects, an object that holds one, an object of columns, or a single row.

    `table`: which list to read of an object that holds several; `sink.sheets` names them. Returns the one read.
    """
    start, key = skip_space(text, 0), None
    try:
        if text[start] == "[":
            end = read_array(text, start, sink)
        else:
            end, key = read_object(text, start, sink, table)
    except json.JSONDecodeError as error:
        raise Refusal(describe(error, len(text.rstrip())), error.lineno) from None
    end = skip_space(text, end)
    if end < len(text):
        raise Refusal(
            "a second document begins there; put all rows in one array, or one object on each line",
            text.count("\n", 0, end) + 1,
        )
    return key


def read_array(text: str, start: int, sink: Sink) -> int:
    """Rows of the array that opens at `start`; returns where it ends."""
    decoder, line = Decoder(), text.count("\n", 0, start) + 1
    counted, place = start, skip_space(text, start + 1)
    if text[place : place + 1] == "]":
        return place + 1
    while True:
        line, counted = line + text.count("\n", counted, place), place
        row, end, flaws = decoder.decode(text, place)
        sink.add(row, line, flaws)
        place = skip_space(text, end)
        mark = text[place : place + 1]
        if mark == "]":
            return place + 1
        if mark != ",":
            raise json.JSONDecodeError("Expecting ',' or ']' after a row", text, place)
        after = skip_space(text, place + 1)
        if text[after : after + 1] == "]":
            raise json.JSONDecodeError("a comma stands after the last row; delete it", text, place)
        place = after


def read_object(text: str, start: int, sink: Sink, table: str | None) -> tuple[int, str | None]:
    """Rows of a top-level object; returns where it ends, and the key of the list that was read, if it holds one."""
    value, end, flaws = Decoder().decode(text, start)
    key = choose_table(value, table, sink)
    if key is not None:
        del value
        read_array(text, find_value(text, start, key), sink)
        return end, key
    columns = as_columns(value)
    line = text.count("\n", 0, start) + 1
    if columns is None:
        sink.add(value, line, flaws)
        return end, None
    if flaws:
        raise Refusal(flaws[0])
    for number, cells in enumerate(zip(*columns.values(), strict=True), 1):
        sink.add(dict(zip(columns, cells, strict=True)), number)
    return end, None


def choose_table(value: dict, wanted: str | None, sink: Sink) -> str | None:
    """The key under which the rows stand, as asked for or found; None if the object itself holds the cells."""
    sink.sheets = [name for name in value if is_table(value[name])]
    if wanted is not None:
        if wanted not in sink.sheets:
            there = ", ".join(repr(name[:80]) for name in sink.sheets[:8]) or "there are none"
            raise Refusal(f"there is no list of rows {wanted[:80]!r} in it; choose one of these: {there}")
        key = wanted
    else:
        key = table_key(value)
    if key is None:
        sink.sheets = []
        return None
    for name in sink.sheets:
        if name != key:
            sink.notes.append(f"{name[:80]!r} ({len(value[name])} rows) was left out; only {key!r} was read.")
    return key


def is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(row, dict) for row in value[:100])


def table_key(value: dict) -> str | None:
    """The key under which the rows stand, if they stand under one."""
    tables = [name for name in value if is_table(value[name])]
    named = [name for name in TABLE_KEYS if name in tables]
    if named:
        return named[0]
    empty = [name for name in TABLE_KEYS if value.get(name) == []]
    if empty and not tables:
        return empty[0]
    if len(tables) != 1 or any(keys <= set(value[tables[0]][0]) for keys in TURN_KEYS):
        return None  # several lists: no way to tell which; turns: the object is itself one row
    return tables[0]


def as_columns(value: dict) -> dict[str, list] | None:
    """The columns of a columnar object ({"a": [..], "b": [..]} or {"a": {"0": ..}}), else None."""
    if value and all(isinstance(cells, dict) for cells in value.values()):
        first = list(next(iter(value.values())))
        if not all(list(cells) == first for cells in value.values()) or not all(n.isdigit() for n in first):
            return None
        return {name: list(cells.values()) for name, cells in value.items()}
    if not value or not all(isinstance(cells, list) for cells in value.values()):
        return None
    if len({len(cells) for cells in value.values()}) > 1:
        lengths = ", ".join(f"{name[:40]!r}: {len(cells)}" for name, cells in list(value.items())[:6])
        raise Refusal(
            f"its columns differ in length ({lengths}), so the rows cannot be told apart; make them equally long"
        )
    turns = any(is_table(cells) for cells in value.values())
    return None if turns else dict(value)


def find_value(text: str, start: int, key: str) -> int:
    """Where the value of a top-level key begins; the object is known to be valid."""
    plain = json.JSONDecoder()
    place = skip_space(text, start + 1)
    while True:
        name, place = plain.raw_decode(text, place)
        place = skip_space(text, skip_space(text, place) + 1)  # past the colon
        if name == key:
            return place
        _, place = plain.raw_decode(text, place)
        place = skip_space(text, skip_space(text, place) + 1)  # past the comma
