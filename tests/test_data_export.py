"""Exports: what comes back is what went out, and twice the same bytes."""

import csv
import json
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data.export import EXTENSIONS, WRITERS, export_dataset, parquet
from studio.data.reading import read_file
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError
from studio.home import open_home

TEXTS = ["007", "1e5", "NA", "None", "", " x ", "a\u2028b\r\n\t\x00", "=cmd()", "e\u0301", "é😀", '"\\']
ROWS = [
    {
        "text": text,
        "n": index or None,
        "f": index / 3,
        "yes": bool(index % 2),
        "mixed": (index, str(index), None, [index], {"k": index})[index % 5],
        "big": 10**30 + index,
        "texts": TEXTS[:index],
        "turns": [{"role": "user", "content": text}] * (index % 3),
        "ragged": [{"a": 1}, {"b": None}][index % 2],
        "nothing": None,
        "empty": {},
        "deep": {"l": [[index], []], "o": {"t": text, "n": None}},
    }
    for index, text in enumerate(TEXTS)
]


@pytest.fixture
def dataset(tmp_path):
    home = open_home(tmp_path / "home")
    return open_dataset(home, create_dataset(home, "x", list(ROWS[0]), ROWS, {"text": "output"}, {}))


@pytest.mark.parametrize("format", ["jsonl", "json", "parquet"])
def test_every_value_comes_back(dataset, tmp_path, format):
    out = tmp_path / f"out.{format}"
    export_dataset(dataset, format, out)
    parsed = read_file(out)
    assert parsed.columns == dataset.columns
    assert [json.dumps(row) for row in parsed.rows] == [json.dumps(row) for row in ROWS]


def test_parquet_uses_real_types_where_they_hold_the_values(dataset, tmp_path):
    export_dataset(dataset, "parquet", tmp_path / "x.parquet")
    types = {field.name: str(field.type) for field in pyarrow.parquet.read_schema(tmp_path / "x.parquet")}
    assert types["text"] == types["mixed"] == types["big"] == types["ragged"] == types["empty"] == "string"
    assert (types["n"], types["f"], types["yes"]) == ("int64", "double", "bool")
    assert types["turns"].startswith("list<") and "struct<role: string, content: string>" in types["turns"]


def test_csv_holds_the_text(dataset, tmp_path):
    export_dataset(dataset, "csv", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == TEXTS
    assert (rows[1]["yes"], rows[1]["n"], rows[0]["n"], rows[3]["mixed"]) == ("true", "1", "", "[3]")


@pytest.mark.parametrize("format", WRITERS)
def test_twice_the_same_bytes_and_nothing_overwritten(dataset, tmp_path, format):
    one, two = tmp_path / "one", tmp_path / "two"
    export_dataset(dataset, format, one)
    export_dataset(dataset, format, two)
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(DataError) as error:
        export_dataset(dataset, format, one)
    assert str(error.value) == "'one' exists already and is not overwritten. Choose another name."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "one", "two"]


@pytest.mark.parametrize("format", WRITERS)
def test_an_empty_dataset_can_be_exported(tmp_path, format):
    home = open_home(tmp_path / "home")
    dataset = open_dataset(home, create_dataset(home, "x", ["a", "b"], [], {"b": "output"}, {}))
    out = tmp_path / f"x.{EXTENSIONS.get(format, format)}"
    assert export_dataset(dataset, format, out).rows == 0
    with pytest.raises(DataError, match=r"it is empty|no rows"):
        read_file(out)


@pytest.mark.parametrize("format", WRITERS)
def test_some_rows_are_exported_in_the_order_of_the_dataset(dataset, tmp_path, format):
    out = tmp_path / f"x.{EXTENSIONS.get(format, format)}"
    exported = export_dataset(dataset, format, out, [9, 2, 999, 4])
    rows = list(read_file(out).rows)
    assert exported.rows == len(rows) == 3
    texts = [TEXTS[1], TEXTS[3], TEXTS[8]]
    assert all(text in json.dumps(row, ensure_ascii=False) for text, row in zip(texts, rows, strict=True))
    assert [row["text"] for row in rows if "text" in row] in ([], texts)


def test_two_passes_see_one_state(dataset, monkeypatch, tmp_path):
    """Parquet measures the columns first; an edit that comes between would not fit them."""
    measure = parquet.measure_columns

    def measure_and_edit(chosen):
        shapes = measure(chosen)
        dataset.edit(1, {"n": "text", "text": "changed"})
        dataset.delete([2])
        return shapes

    monkeypatch.setattr(parquet, "measure_columns", measure_and_edit)
    assert export_dataset(dataset, "parquet", tmp_path / "x.parquet").rows == len(ROWS)
    assert [json.dumps(row) for row in read_file(tmp_path / "x.parquet").rows] == [json.dumps(row) for row in ROWS]
    assert (dataset.row(1).values["n"], dataset.count()) == ("text", len(ROWS) - 1)


# Spreadsheets

CELLS = {
    "=1+1": "'=1+1",
    "+SUM(A1)": "'+SUM(A1)",
    "-cmd": "'-cmd",
    "@x": "'@x",
    "\t=1": "'\t=1",
    " =1": "' =1",
    "\n+1+1": "'\n+1+1",
    "＝1": "'＝1",
    "-5": "-5",
    "+1,5": "+1,5",
    "2=2": "2=2",
    "a\x00\x1bb\nc": "ab\nc",
    "\x00=1": "'=1",
    "": "",
    "x" * 40_000: "x" * 32_767,
    "=" * 40_000: "'" + "=" * 32_766,
}


def test_nothing_in_a_spreadsheet_is_a_formula(tmp_path):
    home = open_home(tmp_path / "home")
    records = [{"=head": cell, "n": -3} for cell in CELLS]
    dataset = open_dataset(home, create_dataset(home, "x", ["=head", "n"], records, {}, {}))
    exported = export_dataset(dataset, "csv-spreadsheet", tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes().startswith(b"\xef\xbb\xbf'=head,n")
    with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["'=head", "n"]
    assert dict(zip(CELLS, (row[0] for row in rows), strict=True)) == CELLS
    assert {row[1] for row in rows} == {"-3"}
    [note] = exported.notes
    assert note.endswith("spreadsheets turn 007 into 7. 13 cells were changed.")


# Any value, through Parquet and JSONL

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
cells = st.recursive(
    scalars | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
records = st.lists(st.fixed_dictionaries({"a": cells, "b": st.lists(st.none() | texts, max_size=2)}), max_size=4)


@settings(max_examples=60, deadline=None)
@given(records)
def test_any_value_comes_back(rows):
    with TemporaryDirectory() as folder:
        home = open_home(Path(folder) / "home")
        dataset = open_dataset(home, create_dataset(home, "x", ["a", "b"], rows, {}, {}))
        stored = [json.dumps(row.values) for row in dataset.rows()]
        export_dataset(dataset, "parquet", Path(folder) / "x.parquet")
        export_dataset(dataset, "jsonl", Path(folder) / "x.jsonl")
        assert [json.dumps(row) for row in decode_parquet(Path(folder) / "x.parquet")] == stored
        lines = (Path(folder) / "x.jsonl").read_text(encoding="utf-8").split("\n")
        assert [json.dumps(json.loads(line)) for line in lines[:-1]] == stored


def decode_parquet(path):
    """As the reader does it, without its process."""
    table = pyarrow.parquet.read_table(path)
    encoded = json.loads(table.schema.metadata[parquet.JSON_COLUMNS])
    return [
        {name: json.loads(cell) if name in encoded else cell for name, cell in row.items()} for row in table.to_pylist()
    ]


def test_what_cannot_be_exported(dataset, tmp_path):
    with pytest.raises(DataError) as error:
        export_dataset(dataset, "xml", tmp_path / "x")
    assert str(error.value) == (
        "There is no export format 'xml'. Choose one of jsonl, parquet, json, csv, csv-spreadsheet, messages, alpaca, "
        "sharegpt, prompt-completion."
    )
    with pytest.raises(DataError, match="Make it first"):
        export_dataset(dataset, "csv", tmp_path / "no" / "x.csv")
    with sqlite3.connect(dataset.path) as db:
        db.execute("DROP TABLE rows")
    db.close()
    with pytest.raises(DataError, match="cannot be read"):
        export_dataset(dataset, "jsonl", tmp_path / "x.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
