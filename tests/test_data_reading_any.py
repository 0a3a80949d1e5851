"""Whatever is in a file: values come back exactly, and no bytes make the reader fall over."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.data.reading.child import Job, parse
from studio.data.reading.sink import Refusal, Sink

EASY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Any text, but for control characters, of which many make a file look binary, and halves of characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\",;|'"), max_size=40)
NUMBERS = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = TEXTS.filter(bool)
PIECES = st.sampled_from(
    ["{", "}", "[", "]", '"', ",", ":", "\n", "\t", ";", "a", "1", "\\", "\ufeff", "null", " ", "é"]
)


@pytest.fixture
def read(tmp_path):
    """Reads bytes as the child does, in this process: (format, rows, problems)."""

    def call(data, extension, pasted=False):
        path = tmp_path / "file"
        path.write_bytes(data)
        used = {"encoding": None, "delimiter": None, "header": True, "sheet": None, "text_as": None}
        asked = {**used, "name": "file", "pasted": pasted}
        output = io.BytesIO()
        sink = Sink(output, 10**9)
        kind = parse(Job(path, extension, asked, used), sink)
        return kind, [json.loads(line) for line in output.getvalue().splitlines()], sink.problems

    return call


def same(one: object, other: object) -> bool:
    """Equal in value, type and order of keys, all the way down."""
    return json.dumps(one) == json.dumps(other)


@EASY
@given(rows=st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), min_size=1, max_size=5))
def test_json_values_come_back(read, rows):
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert same(read(lines.encode(), ".jsonl")[1], rows)
    assert same(read(json.dumps(rows, indent=1).encode(), ".json")[1], rows)
    assert same(read(json.dumps({"data": rows}).encode("utf-16"), ".json")[1], rows)


@EASY
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_cells_come_back(read, rows, delimiter, end):
    output = io.StringIO(newline="")
    writer = csv.writer(output, delimiter=delimiter, lineterminator=end)
    writer.writerows([("one", "two", "three"), *rows])
    kind, found, problems = read(output.getvalue().encode(), ".csv")
    assert (kind, problems) == ("csv", [])
    assert [tuple(row.values()) for row in found] == rows


@EASY
@given(
    data=st.binary(max_size=60) | st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()),
    extension=st.sampled_from([".json", ".jsonl", ".csv", ".tsv", ".txt", ".parquet", ".arrow", ".xlsx", "", ".dat"]),
    pasted=st.booleans(),
)
def test_any_bytes_are_rows_or_a_refusal(read, data, extension, pasted):
    try:
        kind, rows, problems = read(data, extension, pasted)
    except Refusal as refusal:
        assert refusal.message
    else:
        assert kind in ("json", "jsonl", "csv", "txt")
        assert all(isinstance(row, dict) and row for row in rows)
        assert all(line > 0 and message for line, message in problems)
