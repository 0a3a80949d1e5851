"""Excel workbooks: cells as the text that they show, as far as the file says it."""

import pytest

from studio.data.reading import BadRowsError, ReadOptions, read_file
from studio.errors import DataError
from tests.workbooks import row, text, value, write_workbook

HEADER = row(1, text("cell"), text("note"))


def cells_of(path, cells):
    """The workbook's first column, below its header."""
    rows = "".join(row(number, cell, text("x")) for number, cell in enumerate(cells, 2))
    return [kept["cell"] for kept in read_file(write_workbook(path, {"Sheet": HEADER + rows})).rows]


def test_cells_are_text(tmp_path):
    cells = {
        text("007"): "007",
        text(" NA "): " NA ",
        text("1e5"): "1e5",
        text("two&#10;lines &lt;b&gt;"): "two\nlines <b>",
        text("None"): "None",
        value(7): "7",
        value(0.1): "0.1",
        value("1E5"): "100000",
        value(-2.50): "-2.5",
        value(123456789012345): "123456789012345",
        value(45293, style=1): "2024-01-02",
        value(45293.5, style=2): "2024-01-02T12:00:00",
        value(0.75, style=3): "18:00:00",
        value(1.5, style=4): "36:00:00",
        value(0.5, style=5): "0.5",
        value(1, kind="b"): "TRUE",
        value("shown", kind="str"): "shown",
    }
    assert cells_of(tmp_path / "x.xlsx", cells) == list(cells.values())


def test_the_table_may_begin_anywhere_and_blank_rows_are_skipped(tmp_path):
    rows = (
        '<row r="3"><c r="C3" t="str"><v>a</v></c><c r="D3" t="str"><v>b</v></c></row>'
        '<row r="6"><c r="C6"><v>1</v></c></row>'
    )
    parsed = read_file(write_workbook(tmp_path / "x.xlsx", {"Sheet": rows}))
    assert (parsed.format, list(parsed.rows)) == ("xlsx", [{"a": "1", "b": ""}])


def test_cells_that_show_an_error_are_empty_and_counted(tmp_path):
    rows = HEADER + row(2, value("#N/A", kind="e"), text("N/A")) + row(3, text("a"), value("#REF!", kind="e"))
    parsed = read_file(write_workbook(tmp_path / "x.xlsx", {"Sheet": rows}))
    assert list(parsed.rows) == [{"cell": "", "note": "N/A"}, {"cell": "a", "note": ""}]
    assert parsed.notes == ["In the workbook 2 cells show an error (#N/A and the like); they are empty here."]


def test_a_sheet_can_be_chosen(tmp_path):
    filled = HEADER + row(2, text("a"), text("b"))
    other = HEADER + row(2, text("c"), text("d"))
    path = write_workbook(tmp_path / "x.xlsx", {"Cover": row(1, text("Our data")), "Übung 1": filled, "Two": other})
    parsed = read_file(path)
    assert (parsed.options.sheet, parsed.sheets) == ("Übung 1", ["Cover", "Übung 1", "Two"])
    assert parsed.notes == ["Sheet 'Übung 1' was read; there is also 'Cover', 'Two'."]
    chosen = read_file(path, options=ReadOptions(sheet="Two", header=False))
    assert [kept["column_1"] for kept in chosen.rows] == ["cell", "c"]
    with pytest.raises(DataError) as error:
        read_file(path, options=ReadOptions(sheet="Three"))
    assert str(error.value) == (
        "'x.xlsx': there is no sheet 'Three' in it; choose one of these: 'Cover', 'Übung 1', 'Two'. "
        "Nothing was imported."
    )


def test_faults_of_a_workbook_are_named(tmp_path):
    path = tmp_path / "x.xlsx"
    for rows, message in {
        "": ": all its sheets are empty; choose a file with rows in it",
        HEADER: ", line 1: it has a header and no rows; choose a file with rows in it",
        row(1, text("a"), text("a")) + row(2, text("b"), text("c")): (
            ", line 1: several columns are named 'a'; give every column a name of its own in the header"
        ),
    }.items():
        with pytest.raises(DataError) as error:
            read_file(write_workbook(path, {"Sheet": rows}))
        assert str(error.value) == f"'x.xlsx'{message}. Nothing was imported."
    rows = HEADER + row(2, text("a"), text("b")) + row(3, text("_x0000_"), text("b"))
    with pytest.raises(BadRowsError, match=r"'x\.xlsx', row 3: it holds a NUL character"):
        read_file(write_workbook(path, {"Sheet": rows}))
    renamed = tmp_path / "x.csv"
    renamed.write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=r"it is named \.csv and holds a zip archive or Excel workbook; rename it"):
        read_file(renamed)
