"""Files that cannot be used: each gives one message that names file, line, what was found and how to mend it."""

import os
import tempfile

import pyarrow
import pyarrow.parquet
import pytest

from studio.data.reading import BadRowsError, Limits, read_file
from studio.errors import DataError

OK = '{"instruction": "a", "output": "b"}'
NOTHING = ". Nothing was imported."

# The whole file is refused: name -> (content, message after the name).
REFUSED = {
    "empty.json": ("", ": it is empty; choose a file with rows in it"),
    "blank.jsonl": (" \n\n", ": it holds nothing but blank space; choose a file with rows in it"),
    "header.csv": ("a,b\n", ", line 1: it has a header and no rows; choose a file with rows in it"),
    "none.json": ('{"data": []}', ": it holds no rows; choose a file with rows in it"),
    "cut.json": (f"[\n{OK},\n{{", ", line 3: it ends in the middle of a value; the file may be cut off"),
    "comma.json": (
        "[\n{},\n]",
        ", line 2: not valid JSON at character 3 (','): a comma stands after the last row; delete it",
    ),
    "two.json": (
        '{\n"a": 1}\n{\n"a": 2}',
        ", line 3: a second document begins there; put all rows in one array, or one object on each line",
    ),
    "deep.json": ("[" * 100_000, ", line 1: its values are nested too deeply"),
    "lengths.json": (
        '{"a": ["x", "y"], "b": ["z"]}',
        ": its columns differ in length ('a': 2, 'b': 1), so the rows cannot be told apart",
    ),
    "twice.csv": (
        "a,a,b\n1,2,3\n",
        ", line 1: several columns are named 'a'; give every column a name of its own in the header",
    ),
    "unnamed.csv": (
        ",a\n0,1\n",
        ", line 1: column 1 has no name (pandas writes its index so: save with index=False); "
        "give every column a name of its own in the header",
    ),
    "quote.csv": (
        'a,b\n1,2\n"open,3\n4,5\n',
        ", line 3: a quote opens there and is never closed, so the rest of the file is one cell",
    ),
    "many.csv": (
        ",".join(map(str, range(10_000))) + "\n",
        ": it has 10000 columns; keep the few that hold text to learn from",
    ),
    "cut.csv": (
        "a,b\né,x\n".encode("utf-16")[:-1],
        ", line 2: the text (utf-16-le) is broken or cut off there; get the complete file",
    ),
    "x.gz": (b"\x1f\x8b\x08", ": it is compressed with gzip; unpack it first"),
    "x.xlsx": (
        b"PK\x03\x04../",
        ": it is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    ),
    "binary.csv": (
        bytes(range(256)) * 9,
        ": it is binary, not text; the studio reads JSON, JSONL, CSV, TSV and Parquet",
    ),
    "page.csv": (
        "<!DOCTYPE html><p>",
        ": it is a web page or XML, not data; download the data file itself",
    ),
    "table.json": (
        "a,b\n1,2\n",
        ", line 1: it is not JSON: that begins with [ or {; give a CSV file the ending .csv",
    ),
    "array.csv": (f"[{OK}]", ": it is named .csv and holds JSON; rename it to .json or .jsonl"),
    "table.parquet": (
        "a,b\n1,2\n",
        ": it is named .parquet and is not Parquet (it does not begin with PAR1)",
    ),
    "parquet.csv": (b"PAR1....", ": it is named .csv and holds Parquet; rename it to .parquet"),
    "prose.txt": (
        "Hello there.\nJust text\n",
        ": it is neither JSON nor a table with a header; the studio reads JSON, JSONL, CSV, TSV, Parquet",
    ),
}

# Some rows cannot be used: name -> (content, {line: message}).
BAD_ROWS = {
    "cut.jsonl": (f'{OK}\n{OK}\n{{"a": "b', {3: "it ends in the middle of a value; the file may be cut off"}),
    "lists.jsonl": (
        f"[1]\n{OK}\n2",
        {
            1: "a row must be an object with named values, and this is a list",
            3: "a row must be an object with named values, and this is a number",
        },
    ),
    "texts.json": (
        f'[{OK},\n"a"]',
        {2: "a row must be an object with named values, and this is a text"},
    ),
    "garbage.jsonl": (f"oops\n{OK}", {1: "not valid JSON at character 1 ('o'): expecting value"}),
    "both.jsonl": (
        f"{OK}\n{OK}{OK}",
        {2: "more follows after the object on the same line; put one object on each line"},
    ),
    "deep.jsonl": (f'{OK}\n{{"a": {"[" * 100_000}', {2: "its values are nested too deeply"}),
    "digits.jsonl": (
        f'{OK}\n{{"a": {"9" * 5000}}}',
        {2: "a number has 5000 digits; write it as text in quotes"},
    ),
    "large.jsonl": (f'{OK}\n{{"a": 1e400}}', {2: "the number 1e400 is too large; write it as text in quotes"}),
    "nan.json": (f'[{OK},\n{{"a": NaN}}]', {2: "NaN is not JSON; write null, or text in quotes"}),
    "keys.json": (f'[{OK},\n{{"a": {{"b": 1, "b": 2}}}}]', {2: "the key 'b' stands in it twice"}),
    "hollow.jsonl": (
        f'{OK}\n{{}}\n{{"": 1}}',
        {2: "the object is empty", 3: "a value has no name (its key is empty)"},
    ),
    "half.jsonl": (
        f'{OK}\n{{"a": "\\ud800"}}',
        {2: "it holds half of a character (lone surrogate U+D800), which cannot be stored as text"},
    ),
    "ragged.csv": (
        "a,b\n1,2\n1,2,3\n4\n",
        {
            3: "3 cells where the header has 2 columns (a delimiter inside a text needs quotes)",
            4: "1 cell where the header has 2 columns (a delimiter inside a text needs quotes)",
        },
    ),
    "quotes.csv": (
        'a,b\n1,"x"y"\n2,3\n',
        {2: 'a quote inside a cell is not doubled ("" stands for one quote)'},
    ),
    "nul.csv": ("a,b\n1,2\n\0,3\n", {3: "it holds a NUL character, which no text should"}),
    "byte.csv": (
        b"a,b\n\xc3\xa9,\xc3\xbc\nx,\xe9 y\n",
        {3: "it holds a byte that is not UTF-8 (0xE9); save the file as UTF-8"},
    ),
}


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_refused_files(tmp_path, name):
    content, message = REFUSED[name]
    with pytest.raises(DataError) as error:
        read_file(write(tmp_path / name, content), drop_bad_rows=True)
    assert str(error.value) == f"'{name}'{message}{NOTHING}"


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_all_listed(tmp_path, name):
    content, expected = BAD_ROWS[name]
    path = write(tmp_path / name, content)
    with pytest.raises(BadRowsError) as error:
        read_file(path)
    assert {problem.line: problem.message for problem in error.value.problems} == expected
    line, message = next(iter(expected.items()))
    number = "1 row" if len(expected) == 1 else f"the first of {len(expected)} rows"
    assert str(error.value) == (
        f"'{name}', line {line}: {message} ({number} that cannot be used). "
        "Nothing was imported: mend the file, or import it again and drop the bad rows."
    )


def test_a_file_of_bad_rows_alone_is_refused(tmp_path):
    path = write(tmp_path / "x.jsonl", "[1]\n[2]")
    with pytest.raises(DataError, match="none of its 2 rows can be used; line 1: a row must be an object"):
        read_file(path, drop_bad_rows=True)


def test_things_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for name, message in {
        "missing.json": "There is no file 'missing.json'. Check the path.",
        "pipe.json": "'pipe.json' is not a plain file. Choose one JSON, JSONL, CSV, TSV or Parquet file.",
        ".": "is a folder. Choose one JSON, JSONL, CSV, TSV or Parquet file.",
    }.items():
        with pytest.raises(DataError) as error:
            read_file(tmp_path / name)
        assert str(error.value).endswith(message)


def test_odd_file_names_are_shown_safely(tmp_path):
    path = write(tmp_path / "x.json", "")
    with pytest.raises(DataError) as error:
        read_file(path, name="../../\x1b[31m\n" + "é" * 300)
    assert str(error.value).startswith("'../../\\x1b[31m\\n" + "é" * 50)
    assert len(str(error.value)) < 200
    assert read_file(write(tmp_path / "-rf 😀.json", f"[{OK}]")).columns == ["instruction", "output"]


def test_parquet_faults(tmp_path):
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": ["x"], "image": [b"\xff\xd8"]}), path)
    with pytest.raises(BadRowsError, match="row 1: column 'image' holds binary data"):
        read_file(path)
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(DataError, match="several columns share a name"):
        read_file(path)
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(DataError, match="is damaged or cut off"):
        read_file(path)


def test_a_bomb_is_stopped_by_decoded_bytes(tmp_path):
    path = tmp_path / "bomb.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": ["x" * 1000] * 20_000}), path)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="once decoded; split it into parts"):
        read_file(path, limits=Limits(decoded=10_000_000))


def test_memory_and_time_are_limited(tmp_path):
    path = write(tmp_path / "x.jsonl", f"{OK}\n" * 2_000_000)
    with pytest.raises(DataError, match=r"GB of memory|needs more memory than is allowed"):
        read_file(path, limits=Limits(memory=150_000_000))
    with pytest.raises(DataError, match="could not be read within"):
        read_file(path, limits=Limits(seconds=0.2))
    with pytest.raises(DataError, match="is larger than"):
        read_file(path, limits=Limits(decoded=1_000_000))


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    parsed = read_file(write(tmp_path / "x.json", f"[{OK}]"))
    with pytest.raises(DataError):
        read_file(write(tmp_path / "y.json", "["))
    assert list((tmp_path / "temp").iterdir()) == []
    assert parsed.rows[0]["output"] == "b"


def test_the_child_sees_no_secret(tmp_path, monkeypatch):
    seen = {}

    def run(argv, **options):
        seen.update(options)
        raise FileNotFoundError

    monkeypatch.setenv("HF_TOKEN", "canary")
    monkeypatch.setattr("studio.data.reading.subprocess.run", run)
    with pytest.raises(FileNotFoundError):
        read_file(write(tmp_path / "x.json", "[]"))
    assert set(seen["env"]) == {"PATH", "PYTHONUTF8"}
    assert "shell" not in seen
