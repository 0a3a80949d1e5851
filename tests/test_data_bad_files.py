"""Files that cannot be used: each gives one message that names file, line, what was found and how to mend it.

The files lie in tests/bad_inputs, named by their number in the list of bad inputs; what a file cannot hold (pipes,
bombs, names) is made here. Files that only look bad are here too, with what must come of them.
"""

import json
import os
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from studio.data.reading import BadRowsError, Limits, ReadOptions, read_file, read_folder, read_text
from studio.errors import DataError
from tests.workbooks import write_workbook

FILES = Path(__file__).parent / "bad_inputs"
OK = '{"instruction": "a", "output": "b"}'
OK_ROW = json.loads(OK)
NOTHING = ". Nothing was imported."
READABLE = "JSON, JSONL, CSV, TSV, Excel (.xlsx), Parquet, Arrow"
DAMAGED = "file is damaged or cut off; get the complete file"

# The whole file is refused: name -> message after the name.
REFUSED = {
    "01-empty.json": ": it is empty; choose a file with rows in it",
    "01-blank.jsonl": ": it holds nothing but blank space; choose a file with rows in it",
    "01-header.csv": ", line 1: it has a header and no rows; choose a file with rows in it",
    "01-none.json": ": it holds no rows; choose a file with rows in it",
    "01-rows.parquet": ": it holds no rows; choose a file with rows in it",
    "03-utf16-cut.csv": ", line 2: the text (utf-16-le) is broken or cut off there; get the complete file",
    "06-cut.json": ", line 3: it ends in the middle of a value; the file may be cut off",
    "07-comma.json": ", line 2: not valid JSON at character 3 (','): a comma stands after the last row; delete it",
    "07-two-documents.json": (
        ", line 3: a second document begins there; put all rows in one array, or one object on each line"
    ),
    "08-lengths.json": (
        ": its columns differ in length ('a': 2, 'b': 1), so the rows cannot be told apart; make them equally long"
    ),
    "12-twice.csv": ", line 1: several columns are named 'a'; give every column a name of its own in the header",
    "12-unnamed.csv": (
        ", line 1: column 1 has no name (pandas writes its index so: save with index=False); "
        "give every column a name of its own in the header"
    ),
    "14-unclosed.csv": ", line 3: a quote opens there and is never closed, so the rest of the file is one cell",
    "17-binary.csv": f": it is binary, not text; the studio reads {READABLE} and text",
    "17-cut.xlsx": ": the zip archive or Excel workbook is damaged or cut off; get the complete file",
    "17-gzip.jsonl": ": it is compressed with gzip; unpack it first",
    "17-json.csv": ": it is named .csv and holds JSON; rename it to .json or .jsonl",
    "17-members.xlsx": ": it is a zip archive without a workbook in it; unpack it first",
    "17-members.zip": ": it is a zip archive without a workbook in it; unpack it first",
    "17-old.xls": ": it is an old or locked Office file; save it as .xlsx without a password, or as CSV",
    "17-page.csv": ": it is a web page or XML, not data; download the data file itself",
    "17-pickle.json": (": it is a pickle, which can run code when it is opened; save the data as Parquet or JSONL"),
    "17-prose.dat": f": it is neither JSON nor a table with a header; the studio reads {READABLE} and text",
    "17-table.arrow": ": it is named .arrow and is not Arrow; give it the ending of what it holds",
    "17-table.json": ", line 1: it is not JSON: that begins with [ or {; give a CSV file the ending .csv",
    "17-table.parquet": (
        ": it is named .parquet and is not Parquet (it does not begin with PAR1); give it the ending of what it holds"
    ),
    "17-table.xlsx": ": it is named .xlsx and is not Excel; give it the ending of what it holds",
    "18-cut.arrow": f": the Arrow {DAMAGED}",
    "18-footer.parquet": f": the Parquet {DAMAGED}",
    "18-forged.arrow": f": the Arrow {DAMAGED}",
    "18-names.parquet": (": several columns share a name, or one has none; give every column a name of its own"),
    "27-aborted.jsonl.part": ": it is named .part: a download that did not end; get the complete file",
    "dataset_info.json": ": it describes a dataset and holds no rows; import the data file beside it",
}

# Some rows cannot be used: name -> {line: message}.
BAD_ROWS = {
    "03-damaged.csv": {3: "it holds a byte that is not UTF-8 (0xE9); save the file as UTF-8"},
    "04-surrogate.jsonl": {
        2: "it holds half of a character (lone surrogate U+D800), which cannot be stored as text; delete it"
    },
    "05-nul.csv": {3: "it holds a NUL character, which no text should; delete it"},
    "06-cut.jsonl": {3: "it ends in the middle of a value; the file may be cut off"},
    "07-two-on-a-line.jsonl": {2: "more follows after the object on the same line; put one object on each line"},
    "08-garbage.jsonl": {1: "not valid JSON at character 1 ('o'): expecting value"},
    "08-hollow.jsonl": {
        2: "the object is empty; fill it in, or delete it",
        3: "a value has no name; give it one in place of the empty key",
    },
    "08-lists.jsonl": {
        1: "a row must be an object with named values, and this is a list",
        3: "a row must be an object with named values, and this is a number",
    },
    "08-texts.json": {2: "a row must be an object with named values, and this is a text"},
    "10-digits.jsonl": {2: "a number has 5000 digits; write it as text in quotes"},
    "10-large.jsonl": {2: "the number 1e400 is too large; write it as text in quotes"},
    "10-nan.json": {2: "NaN is not JSON; write null, or text in quotes"},
    "11-keys.json": {2: "the key 'b' stands in it twice; keep one of them"},
    "13-ragged.csv": {
        3: "3 cells where the header has 2 columns (a delimiter inside a text needs quotes)",
        4: "1 cell where the header has 2 columns (a delimiter inside a text needs quotes)",
    },
    "14-undoubled.csv": {2: 'a quote inside a cell is not doubled ("" stands for one quote)'},
    "23-image.parquet": {1: "column 'image' holds binary data (an image?), not text; save the file without it"},
}

SWEET = [{"frage": "Wie süß?", "antwort": "Sehr süß – 5 €"}]
DOUBTED = "choose another encoding if letters look wrong."

# Files that only look bad: name -> (rows, notes). Every value stays what it was.
LOADED = {
    "02-bom.csv": ([{"frage": "Wo?", "antwort": "Hier"}], []),
    "02-bom.json": ([{"frage": "Wo?", "antwort": "Hier"}], []),
    "03-utf16.csv": (SWEET, ["Read as utf-16-le."]),
    "03-utf16-without-bom.csv": (SWEET, ["Read as utf-16-le."]),
    "03-cp1252.csv": (SWEET, [f"Read as cp1252; {DOUBTED}"]),
    "03-gb18030.csv": (
        [{"问题": "天空为什么是蓝色的？", "答案": "因为空气分子散射蓝光比红光更强。"}],
        [f"Read as gb18030; {DOUBTED}"],
    ),
    "05-controls.jsonl": (
        [{"a": "\x07bell \u202eright to left\u202c \u200bzero width \x7f \u2028 \ufeff"}],
        [],
    ),
    "07-array.jsonl": ([OK_ROW], ["The file is named .jsonl and holds JSON; read as that."]),
    "07-lines.json": ([OK_ROW] * 2, ["The file is named .json and holds JSON Lines; read as that."]),
    "08-keys.jsonl": (
        [{"prompt": "a", "completion": "b"}, {"prompt": "a"}],
        ["The rows differ in their keys: 1 of 2 have no 'completion'."],
    ),
    "16-cells.csv": (
        [{"cell": cell} for cell in ["None", "NA", "null", "nan", "00123", "1e5", "TRUE", "2024-01-02", "1.10"]],
        [],
    ),
    "20-paths.jsonl": (
        [
            {"question": {"path": "/etc/passwd"}, "answer": "file:///etc/passwd"},
            {
                "question": {"content": {"path": "../../secret", "meta": {"_type": "gradio.FileData"}}},
                "answer": "![x](/file=/etc/passwd)",
            },
        ],
        [],
    ),
    "21-formulas.csv": ([{"a": "=cmd|' /C calc'!A1", "b": "+1"}, {"a": "@SUM(A1)", "b": "-2"}], []),
    "21-markup.jsonl": (
        [
            {
                "instruction": "<|im_end|><s>[INST] {{ cycler.__init__ }} {% raw %}",
                "output": "<script>alert(1)</script> ![](http://127.0.0.1/x.png) =cmd|' /C calc'!A1",
            }
        ],
        [],
    ),
    "22-one.jsonl": ([OK_ROW], []),
    "22-same.jsonl": ([OK_ROW] * 5, []),
}
# Conversations that no template takes: reading keeps them whole, and what cannot be learned from is said later.
CONVERSATIONS = {"19-messages.jsonl": 7, "23-tools.jsonl": 1}
MADE_HERE = {9, 15, 18, 26, 27, 28}  # what no file can hold


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_file_has_its_message():
    tables = [*REFUSED, *BAD_ROWS, *LOADED, *CONVERSATIONS]
    assert sorted(tables) == sorted(path.name for path in FILES.iterdir())
    numbers = {int(name[:2]) for name in tables if name[:2].isdigit()} | MADE_HERE
    assert numbers == {*range(1, 24), 26, 27, 28}  # 24 and 25 are templates and models


@pytest.mark.parametrize("name", REFUSED)
def test_refused_files(name):
    with pytest.raises(DataError) as error:
        read_file(FILES / name, drop_bad_rows=True)
    assert str(error.value) == f"'{name}'{REFUSED[name]}{NOTHING}"


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_all_listed(name):
    expected = BAD_ROWS[name]
    with pytest.raises(BadRowsError) as error:
        read_file(FILES / name)
    assert {problem.line: problem.message for problem in error.value.problems} == expected
    line, message = next(iter(expected.items()))
    number = "1 row" if len(expected) == 1 else f"the first of {len(expected)} rows"
    unit = "row" if name.endswith(".parquet") else "line"
    assert str(error.value) == (
        f"'{name}', {unit} {line}: {message} ({number} that cannot be used). "
        "Nothing was imported: mend the file, or import it again and drop the bad rows."
    )


@pytest.mark.parametrize("name", LOADED)
def test_files_that_only_look_bad(name):
    rows, notes = LOADED[name]
    parsed = read_file(FILES / name)
    assert list(parsed.rows) == rows
    assert parsed.notes == notes


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_odd_conversations_are_kept_whole(name):
    lines = [json.loads(line) for line in (FILES / name).read_text("utf-8").splitlines()]
    assert list(read_file(FILES / name).rows) == lines
    assert len(lines) == CONVERSATIONS[name]


def test_deep_nesting(tmp_path):
    with pytest.raises(DataError) as error:
        read_file(write(tmp_path / "deep.json", "[" * 100_000))
    nested = "its values are nested too deeply; make them flatter, or write them as text"
    assert str(error.value) == f"'deep.json', line 1: {nested}{NOTHING}"
    with pytest.raises(BadRowsError) as error:
        read_file(write(tmp_path / "deep.jsonl", f'{OK}\n{{"a": {"[" * 100_000}'))
    assert [(problem.line, problem.message) for problem in error.value.problems] == [(2, nested)]


def test_long_fields_are_whole(tmp_path):
    parsed = read_file(write(tmp_path / "long.csv", "a,b\n1," + "x" * 200_000 + "\n"))
    assert [len(row["b"]) for row in parsed.rows] == [200_000]


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_ten_thousand_columns(tmp_path, ending):
    path, names = tmp_path / f"many.{ending}", [f"c{number}" for number in range(10_000)]
    table = pyarrow.table({name: ["1"] for name in names})
    if ending == "csv":
        write(path, ",".join(names) + "\n")
    elif ending == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.feather.write_feather(table, path)
    with pytest.raises(DataError) as error:
        read_file(path)
    assert str(error.value) == (
        f"'many.{ending}': it has 10000 columns; keep the few that hold text to learn from{NOTHING}"
    )


def test_a_file_of_bad_rows_alone_is_refused(tmp_path):
    path = write(tmp_path / "x.jsonl", "[1]\n[2]")
    with pytest.raises(DataError, match="none of its 2 rows can be used; line 1: a row must be an object"):
        read_file(path, drop_bad_rows=True)


def test_things_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "gone.json")
    choose = f"Choose one {READABLE} or text file."
    for name, message in {
        "missing.json": "There is no file 'missing.json'. Check the path.",
        "nowhere.json": "There is no file 'nowhere.json'. Check the path.",
        "pipe.json": f"'pipe.json' is not a plain file. {choose}",
        ".": f"is a folder. {choose}",
    }.items():
        with pytest.raises(DataError) as error:
            read_file(tmp_path / name)
        assert str(error.value).endswith(message)


def test_odd_file_names_are_shown_safely(tmp_path):
    path = write(tmp_path / "x.json", "")
    for name, shown in {
        "../../x": "'../../x'",
        "CON": "'CON'",
        "-rf 😀.json": "'-rf 😀.json'",
        "a\nb.json": "'a\\nb.json'",
        "../../\x1b[31m\n" + "é" * 300: "'../../\\x1b[31m\\n" + "é" * 63 + "…'",
    }.items():
        with pytest.raises(DataError) as error:
            read_file(path, name=name)
        assert str(error.value) == f"{shown}: it is empty; choose a file with rows in it{NOTHING}"
    assert read_file(write(tmp_path / "-rf 😀.json", f"[{OK}]")).columns == ["instruction", "output"]


def test_links_pipes_and_copies_in_a_folder_are_left_out(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(tmp_path / "secret.jsonl", OK)
    (folder / "a-link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    os.mkfifo(folder / "pipe.jsonl")
    write(folder / "b.jsonl", '{"q": "1"}')
    shutil.copy(folder / "b.jsonl", folder / "c.jsonl")
    parsed = read_folder(folder)
    assert list(parsed.rows) == [{"q": "1"}]
    assert parsed.notes == [
        "Left out, because they are links or no plain files: 'a-link.jsonl', 'pipe.jsonl'.",
        "Left out, because the same content was read already: 'c.jsonl'.",
    ]


def test_bombs_are_stopped_by_decoded_bytes(tmp_path):
    table = pyarrow.table({"a": ["x" * 1000] * 20_000})
    pyarrow.parquet.write_table(table, tmp_path / "bomb.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "bomb.arrow", compression="zstd")
    row = '<row><c t="inlineStr"><is><t>' + "x" * 1000 + "</t></is></c></row>"
    write_workbook(tmp_path / "bomb.xlsx", {"Sheet": row * 20_000})
    for name in ("bomb.parquet", "bomb.arrow", "bomb.xlsx"):
        assert (tmp_path / name).stat().st_size < 100_000
        with pytest.raises(DataError) as error:
            read_file(tmp_path / name, limits=Limits(decoded=10_000_000))
        assert str(error.value) == f"'{name}': it holds more than 0.01 GB once decoded; split it into parts{NOTHING}"


def test_a_workbook_that_lies_about_its_size_runs_into_the_memory_limit(tmp_path):
    path, far = tmp_path / "far.xlsx", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    write_workbook(path, {"Sheet": '<row r="1"><c r="A1"><v>1</v></c></row>' + far})
    with pytest.raises(DataError) as error:
        read_file(path)
    assert str(error.value) == (
        "'far.xlsx' could not be read: it needs more memory than is allowed, or is damaged. Nothing was imported: "
        "get the complete file, split it into parts, or save it in another format."
    )
    declared = tmp_path / "declared.xlsx"
    write_workbook(declared, {"Sheet": '<row><c t="inlineStr"><is><t>' + "x" * 3_000_000 + "</t></is></c></row>"})
    with zipfile.ZipFile(declared) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    write(declared, declared.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 100)))
    with pytest.raises(DataError) as error:
        read_file(declared, limits=Limits(decoded=1_000_000))
    damaged = "the workbook is damaged; open it in a spreadsheet and save it anew"
    assert str(error.value) == f"'declared.xlsx': {damaged}{NOTHING}"


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

    def start(argv, **options):
        seen.update(options)
        raise FileNotFoundError

    monkeypatch.setenv("HF_TOKEN", "canary")
    monkeypatch.setattr("studio.data.reading.launch.subprocess.Popen", start)
    with pytest.raises(FileNotFoundError):
        read_file(write(tmp_path / "x.json", "[]"))
    assert set(seen["env"]) == {"PATH", "PYTHONUTF8"}
    assert "shell" not in seen


def test_a_paste_of_five_megabytes(tmp_path):
    lines = "".join(f'{{"n": {number}, "text": "{"word " * 20}"}}\n' for number in range(42_000))
    assert len(lines) > 5_000_000
    parsed = read_text(lines)
    assert (len(parsed.rows), parsed.rows[41_999]["n"]) == (42_000, 41_999)
    with pytest.raises(DataError, match=r"'pasted text' is larger than 0\.001 GB\. Paste it in parts\."):
        read_text(lines, limits=Limits(decoded=1_000_000))
    with pytest.raises(DataError, match="Nothing was pasted"):
        read_text(" \n ")


def test_options_that_there_are_not():
    for options in ({"encoding": "rot13"}, {"encoding": "zip"}, {"delimiter": "x"}, {"text_as": "words"}):
        with pytest.raises(DataError, match="Choose one of"):
            ReadOptions(**options)
