"""Excel workbooks to rows of text. The one place that needs python-calamine; it runs in the parse child."""

import struct
import zipfile
import zlib
from datetime import timedelta
from pathlib import Path

from studio.data.reading.sink import Refusal, Sink
from studio.data.reading.table_rows import Table

MOST_MEMBERS = 10_000
WORKBOOK = "xl/workbook.xml"
SHEETS = "xl/worksheets/"
ERROR_CELL = b't="e"'
PIECE = 1 << 20
# What zipfile raises for an archive that is not sound.
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, NotImplementedError)


def check_archive(path: Path, sink: Sink) -> None:
    """Refusal unless the zip archive is a workbook, complete, and of a bearable size. Nothing of it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except BROKEN:
        raise Refusal("the zip archive or Excel workbook is damaged or cut off; get the complete file") from None
    if not any(member.filename == WORKBOOK for member in members):
        raise Refusal("it is a zip archive without a workbook in it; unpack it first")
    if len(members) > MOST_MEMBERS:
        raise Refusal(f"the workbook consists of {len(members)} parts; save the sheet as CSV")
    sink.check_room(sum(member.file_size for member in members))


def read_xlsx(path: Path, sheet: str | None, header: bool, sink: Sink) -> str:
    """Rows of a sheet, by default of the first that holds a table; returns its name. Blank rows are skipped.

    Numbers come as they are stored: what a format adds to them (50 %, 7 shown as 007) is not in the cell.
    """
    import python_calamine

    check_archive(path, sink)
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as workbook:
            worksheets = [
                found.name for found in workbook.sheets_metadata if found.typ == python_calamine.SheetTypeEnum.WorkSheet
            ]
            name, content = choose_sheet(workbook, worksheets, sheet)
            sink.sheets = worksheets
            table = Table(sink, header)
            for number, record in enumerate(content.iter_rows(), 1):
                cells = [show_cell(value) for value in record]
                if any(cells):
                    table.add(cells, number)
            table.check_not_empty()
            note_errors(path, sink)
    except python_calamine.PasswordError:
        raise Refusal("the workbook is locked with a password; save it without one") from None
    except (python_calamine.CalamineError, *BROKEN):
        raise Refusal("the workbook is damaged; open it in a spreadsheet and save it anew") from None
    if len(worksheets) > 1:
        others = ", ".join(repr(other[:80]) for other in worksheets if other != name)
        sink.notes.append(f"Sheet {name[:80]!r} was read; there is also {others}.")
    return name


def note_errors(path: Path, sink: Sink) -> None:
    """Say how many cells show an error: they come as empty ones, and nothing may be lost unseen."""
    count = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.startswith(SHEETS) and member.filename.endswith(".xml"):
                with archive.open(member) as part:
                    rest = b""
                    while piece := part.read(PIECE):
                        count += (rest + piece).count(ERROR_CELL)
                        rest = piece[-len(ERROR_CELL) + 1 :]
    if count:
        cells = "1 cell shows" if count == 1 else f"{count} cells show"
        sink.notes.append(f"In the workbook {cells} an error (#N/A and the like); they are empty here.")


def choose_sheet(workbook, names: list[str], wanted: str | None):
    """The sheet asked for, else the first with at least two rows; (name, sheet)."""
    if wanted is not None:
        if wanted not in names:
            there = ", ".join(repr(name[:80]) for name in names[:8])
            raise Refusal(f"there is no sheet {wanted[:80]!r} in it; choose one of these: {there}")
        return wanted, workbook.get_sheet_by_name(wanted)
    first = None
    for name in names:
        content = workbook.get_sheet_by_name(name)
        first = first or (name, content)
        if content.height > 1:
            return name, content
    if first is None or first[1].height == 0:
        raise Refusal("all its sheets are empty; choose a file with rows in it")
    return first


def show_cell(value: object) -> str:
    """A cell as a text: texts as they are, whole numbers without ".0", dates and times as ISO 8601 has them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, timedelta):
        return show_duration(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def show_duration(value: timedelta) -> str:
    """Hours, minutes and seconds, as a cell of elapsed time shows them: 36:00:00."""
    seconds = round(value.total_seconds())
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}:{rest:02}"
