"""Rows as they are: JSONL and JSON, which keep every value, and CSV, which keeps the text."""

import csv
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from studio.data.export.chosen import ChosenRows
from studio.data.roles.conversations import cell_text

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # spreadsheets take the wide forms for the plain ones
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
LONGEST_CELL = 32_767  # characters that a cell of a spreadsheet holds
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def dump(values: object) -> str:
    return json.dumps(values, ensure_ascii=False)


def write_jsonl(chosen: ChosenRows, path: Path) -> int:
    """One row a line; returns how many."""
    return write_lines(path, (row.values for row in chosen))


def write_json(chosen: ChosenRows, path: Path) -> int:
    """An array with one row a line."""
    return write_array(path, (row.values for row in chosen))


def write_lines(path: Path, records: Iterable[object]) -> int:
    """JSON, one record a line; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for record in records:
            file.write(dump(record) + "\n")
            count += 1
    return count


def write_array(path: Path, records: Iterable[object]) -> int:
    """A JSON array with one record a line; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("[")
        for record in records:
            file.write((",\n" if count else "\n") + dump(record))
            count += 1
        file.write("\n]\n")
    return count


def write_csv(chosen: ChosenRows, path: Path) -> int:
    """Text as it is, null as nothing, all else as JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        return write_table(file, chosen, cell_text)


def write_spreadsheet(chosen: ChosenRows, path: Path) -> int:
    """CSV that Excel and its like open as text: nothing in it is a formula, and nothing is too long for a cell."""
    changed = 0

    def guard(cell: object) -> str:
        nonlocal changed
        text = cell_text(cell)
        safe = guard_cell(text)
        changed += safe != text
        return safe

    with path.open("w", encoding="utf-8-sig", newline="") as file:  # without the mark Excel reads another encoding
        count = write_table(file, chosen, guard)
    chosen.notes.append(
        "This file is made to be looked at in a spreadsheet and may differ from the dataset: a ' stands before what "
        f"could be a formula, cells end after {LONGEST_CELL:,} characters, and spreadsheets turn 007 into 7. "
        f"{changed:,} cells were changed."
    )
    return count


def write_table(file: TextIO, chosen: ChosenRows, text_of: Callable[[object], str]) -> int:
    """Header and rows; a header is guarded like any cell."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([text_of(column) for column in chosen.columns])
    count = 0
    for row in chosen:
        writer.writerow([text_of(cell) for cell in row.values.values()])
        count += 1
    return count


def guard_cell(text: str) -> str:
    """The text as a spreadsheet may see it; plain numbers stay, though they may begin with a sign."""
    text = UNPRINTABLE.sub("", text)
    if (text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)) and not PLAIN_NUMBER.fullmatch(
        text
    ):
        text = f"'{text}"
    return text[:LONGEST_CELL]
