"""Files that load: every format and encoding, and values exactly as they were."""

import json

import pyarrow
import pyarrow.parquet
import pytest

from studio.data.reading import read_file

ROWS = [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d"}]
LINES = "\n".join(json.dumps(row) for row in ROWS)

LOADED = {
    "array.json": (json.dumps(ROWS), "json"),
    "pretty.json": (json.dumps(ROWS, indent=2), "json"),
    "data.json": (json.dumps({"version": 1, "data": ROWS}), "json"),
    "train.json": (json.dumps({"train": ROWS}), "json"),
    "columns.json": ('{"instruction": ["a", "c"], "output": ["b", "d"]}', "json"),
    "pandas.json": ('{"instruction": {"0": "a", "1": "c"}, "output": {"0": "b", "1": "d"}}', "json"),
    "lines.jsonl": (LINES, "jsonl"),
    "blank.jsonl": (LINES.replace("\n", "\r\n\r\n") + "\n", "jsonl"),
    "lines.json": (LINES, "jsonl"),
    "lines.dat": (LINES, "jsonl"),
    "array.jsonl": (json.dumps(ROWS), "json"),
    "comma.csv": ("instruction,output\na,b\n\nc,d\n", "csv"),
    "semicolon.csv": ("instruction;output\na;b\nc;d", "csv"),
    "pipe.csv": ("instruction|output\r\na|b\r\nc|d\r\n", "csv"),
    "tab.tsv": ("instruction\toutput\na\tb\nc\td\n", "csv"),
    "spaced.csv": ("instruction, output\na,b\nc,d\n", "csv"),
}


@pytest.fixture
def read(tmp_path):
    def write_and_read(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_file(path, **options)

    return write_and_read


@pytest.mark.parametrize("name", LOADED)
def test_formats_load(read, name):
    content, kind = LOADED[name]
    parsed = read(name, content)
    assert parsed.columns == ["instruction", "output"]
    assert list(parsed.rows) == ROWS
    assert parsed.format == kind


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("name", ["x.csv", "x.json"])
def test_encodings_are_found(read, name, encoding):
    text = (
        'frage,antwort\n"Café für €5?","naïve “ja”"\n'
        if name == "x.csv"
        else '[{"frage": "Café für €5?", "antwort": "naïve “ja”"}]'
    )
    assert list(read(name, text.encode(encoding)).rows) == [{"frage": "Café für €5?", "antwort": "naïve “ja”"}]


def test_csv_cells_stay_the_text_they_were(read):
    cells = ["007", "1e5", "NA", "None", "null", "nan", "TRUE", "2024-01-02", "", " x ", "1.10"]
    parsed = read("x.csv", "number,cell\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))
    assert [row["cell"] for row in parsed.rows] == cells


def test_quoted_newlines_commas_and_quotes_stay(read):
    parsed = read("x.csv", 'a,b\n"x\r\ny, z","say ""hi"""\n' + "p," + "q" * 200_000 + "\n")
    assert parsed.rows[0] == {"a": "x\r\ny, z", "b": 'say "hi"'}
    assert len(parsed.rows[1]["b"]) == 200_000


def test_json_values_keep_their_type(read):
    row = {"t": "007", "i": 7, "f": 1.5, "b": True, "n": None, "l": [1, ["x"]], "o": {"k": {"v": 1}}, "big": 10**30}
    loaded = read("x.jsonl", json.dumps(row)).rows[0]
    assert json.dumps(loaded) == json.dumps(row)


def test_unusual_characters_survive(read):
    text = 'a\u2028b\u0085c\u202ed\x7f\ufeff<b>{{x}}</b> <|im_end|> =cmd() ![](http://x/y.png) "\\n" 😀 e\u0301'
    lines = json.dumps({"t": text}, ensure_ascii=False) + "\n" + json.dumps({"t": "after"})
    assert [row["t"] for row in read("x.jsonl", lines).rows] == [text, "after"]


def test_one_conversation_in_a_file_is_one_row(read):
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    assert list(read("x.json", json.dumps(row)).rows) == [row]
    assert list(read("y.jsonl", json.dumps(row)).rows) == [row]


def test_what_was_left_out_or_differs_is_noted(read):
    assert read("x.json", json.dumps({"train": ROWS, "test": ROWS})).notes == [
        "'test' (2 rows) was left out; only 'train' was read."
    ]
    mixed = read("y.jsonl", '{"prompt": "a", "completion": "b"}\n{"prompt": "a"}')
    assert mixed.columns == ["prompt", "completion"]
    assert mixed.notes == ["The rows differ in their keys: 1 of 2 have no 'completion'."]


def test_rows_can_be_indexed_and_read_twice(read):
    rows = read("x.jsonl", "".join(f'{{"n": {n}}}\n' for n in range(1000))).rows
    assert len(rows) == 1000
    assert rows[999] == rows[-1] == {"n": 999}
    assert rows[10:12] == [{"n": 10}, {"n": 11}]
    assert [row["n"] for row in rows] == [row["n"] for row in rows] == list(range(1000))
    with pytest.raises(IndexError):
        rows[1000]


def test_parquet_loads_with_types(tmp_path):
    path = tmp_path / "x.parquet"
    when = pyarrow.array([1_700_000_000_000, None], pyarrow.timestamp("ms"))
    columns = {"text": ["007", None], "n": [1, 2], "f": [1.5, float("nan")], "l": [["a"], []], "when": when}
    columns["turns"] = [[{"role": "user", "content": "x"}], None]
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    parsed = read_file(path)
    assert parsed.format == "parquet"
    assert list(parsed.rows) == [
        {"text": "007", "n": 1, "f": 1.5, "l": ["a"], "when": "2023-11-14T22:13:20"}
        | {"turns": [{"role": "user", "content": "x"}]},
        {"text": None, "n": 2, "f": None, "l": [], "when": None, "turns": None},
    ]


def test_bad_rows_are_dropped_only_when_asked(read):
    parsed = read("x.jsonl", '{"a": "1"}\n[1]\n{"a": "2"}\n{"a": ', drop_bad_rows=True)
    assert list(parsed.rows) == [{"a": "1"}, {"a": "2"}]
    assert [problem.line for problem in parsed.problems] == [2, 4]
