"""Folders of data files, and text that was pasted."""

import json

import pyarrow
import pyarrow.parquet
import pytest

from studio.data.reading import BadRowsError, Limits, ReadOptions, read_folder, read_text
from studio.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Makes a folder `data` of files: path -> text or bytes."""

    def make(files):
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "data"

    return make


def test_files_of_a_folder_are_one_table(folder, tmp_path):
    path = folder({"b.csv": "q,a\n2,x\n", "a/1.jsonl": '{"q": "1", "a": "y"}\n', "c.tsv": "a\tq\nz\t3\n"})
    pyarrow.parquet.write_table(pyarrow.table({"q": ["4"], "a": ["w"]}), path / "d.parquet")
    parsed = read_folder(path)
    assert [(row["q"], row["a"]) for row in parsed.rows] == [("1", "y"), ("2", "x"), ("3", "z"), ("4", "w")]
    assert (parsed.format, sorted(parsed.columns), parsed.notes) == ("folder", ["a", "q"], [])


def test_splits_are_kept_when_the_names_tell_them(folder):
    rows = [{"q": str(number)} for number in range(3)]
    lines = [json.dumps(row) for row in rows]
    path = folder(
        {"train-00000-of-00001.jsonl": lines[0], "dev.jsonl": lines[1], "test/part.jsonl": lines[2], ".hidden": "x"}
    )
    parsed = read_folder(path)
    assert {row["q"]: row["split"] for row in parsed.rows} == {"0": "train", "1": "validation", "2": "test"}
    assert parsed.columns == ["q", "split"]
    assert parsed.notes == [
        "The column 'split' was made from the files' names ('dev.jsonl': validation, 'test/part.jsonl': test, "
        "'train-00000-of-00001.jsonl': train)."
    ]


def test_a_split_that_the_rows_tell_themselves_stays(folder):
    parsed = read_folder(folder({"train.jsonl": '{"split": "gold"}', "test.jsonl": '{"split": "silver"}'}))
    assert [row["split"] for row in parsed.rows] == ["silver", "gold"]
    assert parsed.notes == []


def test_what_is_no_data_is_left_out_and_named(folder):
    path = folder(
        {
            "a.jsonl": '{"q": "1"}',
            "dataset_info.json": "{}",
            "README.md": "# Data",
            "notes.txt": "hello",
            "picture.png": b"\x89PNG",
        }
    )
    assert read_folder(path).notes == [
        "Left out, because they hold no rows: 'README.md', 'dataset_info.json', 'notes.txt', 'picture.png'."
    ]


def test_a_folder_of_texts_can_be_a_row_each(folder):
    path = folder({"1.txt": "Once upon\na time.\n", "2.txt": "The end.\n"})
    assert [row["text"] for row in read_folder(path).rows] == ["Once upon", "a time.", "The end."]
    parsed = read_folder(path, options=ReadOptions(text_as="file"))
    assert [row["text"] for row in parsed.rows] == ["Once upon\na time.\n", "The end.\n"]


def test_a_missing_column_is_noted_and_another_one_refused(folder):
    path = folder({"a.jsonl": '{"q": "1", "system": "s"}', "b.jsonl": '{"q": "2"}'})
    assert read_folder(path).notes == ["'b.jsonl' has no column 'system'."]
    (path / "c.csv").write_text("question,answer\n1,2\n")
    with pytest.raises(DataError) as error:
        read_folder(path)
    assert str(error.value) == (
        "The files of 'data' do not have the same columns: 'c.csv' has 'question', 'answer', which 'a.jsonl' has not. "
        "Nothing was imported: import them one by one."
    )


def test_faults_name_the_file(folder, tmp_path):
    path = folder({"a.jsonl": '{"q": "1"}', "b.jsonl": '{"q": "2"}\n[1]\n', "c.jsonl": '{"q": "3"}\n3'})
    with pytest.raises(BadRowsError) as error:
        read_folder(path)
    assert str(error.value) == (
        "'data', line 2: in 'b.jsonl', a row must be an object with named values, and this is a list (the first of 2 "
        "rows that cannot be used). Nothing was imported: mend the file, or import it again and drop the bad rows."
    )
    dropped = read_folder(path, drop_bad_rows=True)
    assert [row["q"] for row in dropped.rows] == ["1", "2", "3"]
    assert [(problem.line, problem.message[:12]) for problem in dropped.problems] == [
        (2, "in 'b.jsonl'"),
        (2, "in 'c.jsonl'"),
    ]
    (path / "d.json").write_text("[")
    with pytest.raises(DataError) as error:
        read_folder(path)
    assert str(error.value) == (
        "'data/d.json', line 1: it ends in the middle of a value; the file may be cut off. Nothing was imported."
    )
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="'none' holds no file that can be read"):
        read_folder(tmp_path / "none")
    with pytest.raises(DataError, match="There is no folder 'nowhere'"):
        read_folder(tmp_path / "nowhere")


def test_the_limit_holds_for_all_files_together(folder):
    line = json.dumps({"q": "x" * 1000})
    path = folder({f"{number}.jsonl": f"{line}\n" * 400 + json.dumps({"q": str(number)}) for number in range(3)})
    assert len(read_folder(path).rows) == 1203
    with pytest.raises(DataError, match=r"'data/2\.jsonl': it holds more than .* GB once decoded"):
        read_folder(path, limits=Limits(decoded=1_000_000))


PASTED = {
    '[{"q": "1"}, {"q": "2"}]': ("json", [{"q": "1"}, {"q": "2"}]),
    ' {"q": "1"}\n\n{"q": "2"} ': ("jsonl", [{"q": "1"}, {"q": "2"}]),
    "q\ta\n007\tNA\n\n1e5\t\n": ("csv", [{"q": "007", "a": "NA"}, {"q": "1e5", "a": ""}]),
    'q\ta\r\n"two\r\nlines"\t1\r\n"say ""hi"""\t2\r\n': (
        "csv",
        [{"q": "two\r\nlines", "a": "1"}, {"q": 'say "hi"', "a": "2"}],
    ),
    "q,a\n1,2\n": ("csv", [{"q": "1", "a": "2"}]),
    "Well, yes.\nNo, never.": ("txt", [{"text": "Well, yes."}, {"text": "No, never."}]),
    "[1] a note\n[2] another": ("txt", [{"text": "[1] a note"}, {"text": "[2] another"}]),
    "\ufeffq\ta\nx\ty": ("csv", [{"q": "x", "a": "y"}]),
}


@pytest.mark.parametrize("text", PASTED)
def test_pasted_text(text):
    parsed = read_text(text)
    assert (parsed.format, list(parsed.rows)) == PASTED[text]


def test_pasted_text_without_a_header():
    parsed = read_text("1\t2\n3\t4", options=ReadOptions(header=False))
    assert list(parsed.rows) == [{"column_1": "1", "column_2": "2"}, {"column_1": "3", "column_2": "4"}]


def test_faults_of_pasted_text_are_told():
    with pytest.raises(BadRowsError, match="'pasted text', line 2: 1 cell where the header has 2 columns"):
        read_text("a\tb\n1\n2\t3\n", options=ReadOptions(delimiter="\t"))
    with pytest.raises(DataError, match="'pasted text', line 1: it ends in the middle of a value"):
        read_text('{"a": ')
