"""Exports: what comes back is what went out, and twice the same bytes."""

import csv
import json
import sqlite3

import pyarrow.parquet
import pytest

from studio.data.export import WRITERS, export_dataset
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
    return open_dataset(home, create_dataset(home, "x", list(ROWS[0]), ROWS, {}, {}))


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
    dataset = open_dataset(home, create_dataset(home, "x", ["a", "b"], [], {}, {}))
    export_dataset(dataset, format, tmp_path / f"x.{format}")
    with pytest.raises(DataError, match=r"it is empty|no rows"):
        read_file(tmp_path / f"x.{format}")


def test_what_cannot_be_exported(dataset, tmp_path):
    with pytest.raises(DataError, match=r"There is no export format 'xml'. Choose one of jsonl, json, csv, parquet\."):
        export_dataset(dataset, "xml", tmp_path / "x")
    with pytest.raises(DataError, match="Make it first"):
        export_dataset(dataset, "csv", tmp_path / "no" / "x.csv")
    with sqlite3.connect(dataset.path) as db:
        db.execute("DROP TABLE rows")
    db.close()
    with pytest.raises(DataError, match="cannot be read"):
        export_dataset(dataset, "jsonl", tmp_path / "x.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
