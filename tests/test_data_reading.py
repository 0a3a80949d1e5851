"""Files that load: every format and encoding, and values exactly as they were."""

import json

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from studio.data.reading import ReadOptions, read_file
from studio.errors import DataError

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
    "commas.tsv": ("instruction\toutput\na\tb\nc\td\n", "csv"),
    "table.txt": ("instruction\toutput\na\tb\nc\td\n", "csv"),
    "lines.txt": (LINES, "jsonl"),
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


def test_arrow_loads_whichever_way_it_was_written(tmp_path):
    table = pyarrow.table({"text": ["007", None], "n": [1, 2], "turns": [[{"role": "user", "content": "x"}], []]})
    table = table.set_column(0, "text", table["text"].dictionary_encode())
    pyarrow.feather.write_feather(table, tmp_path / "x.feather")
    with pyarrow.ipc.new_file(tmp_path / "file.arrow", table.schema) as writer:
        writer.write_table(table)
    with pyarrow.ipc.new_stream(tmp_path / "stream.arrow", table.schema) as writer:
        writer.write_table(table)
    for name in ("x.feather", "file.arrow", "stream.arrow"):
        parsed = read_file(tmp_path / name)
        assert (parsed.format, parsed.columns) == ("arrow", ["text", "n", "turns"])
        assert list(parsed.rows) == [
            {"text": "007", "n": 1, "turns": [{"role": "user", "content": "x"}]},
            {"text": None, "n": 2, "turns": []},
        ]


def test_names_of_integer_labels_are_found_in_the_file(tmp_path):
    label = {"_type": "ClassLabel", "names": ["neg", "pos"]}
    features = {"label": label, "tags": {"_type": "Sequence", "feature": label}, "text": {"_type": "Value"}}
    told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pyarrow.table({"text": ["x"], "label": [1], "tags": [[0]]}).replace_schema_metadata(told)
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "x.arrow")
    for name in ("x.parquet", "x.arrow"):
        assert read_file(tmp_path / name).label_names == {"label": ["neg", "pos"], "tags": ["neg", "pos"]}


def test_the_delimiter_of_a_tsv_is_the_tab_though_commas_abound(read):
    parsed = read("x.tsv", "q,1\ta,2\nb,3\tc,4\n")
    assert (parsed.columns, list(parsed.rows)) == (["q,1", "a,2"], [{"q,1": "b,3", "a,2": "c,4"}])


def test_quotes_in_a_tsv_enclose_cells_or_do_not(read):
    plain = read("x.tsv", 'text\tlabel\n"Go" he said\tpos\nso "quoted\tneg\n"never closed\tneg\n')
    assert [row["text"] for row in plain.rows] == ['"Go" he said', 'so "quoted', '"never closed']
    assert plain.notes == ["Quotation marks were read as part of the text: they do not enclose cells in this file."]
    quoted = read("y.tsv", 'text\tlabel\n"two\nlines"\tpos\n"say ""hi"""\tneg\n')
    assert [row["text"] for row in quoted.rows] == ["two\nlines", 'say "hi"']
    assert quoted.notes == []


def test_how_a_table_was_read_is_shown_and_can_be_changed(read):
    text = "a;b,c;d\n1;2,3;4\n5;6,7;8\n"
    found = read("x.csv", text)
    assert found.options == ReadOptions("utf-8", ";", True)
    assert found.columns == ["a", "b,c", "d"]
    changed = read("x.csv", text, options=ReadOptions(delimiter=","))
    assert list(changed.rows) == [{"a;b": "1;2", "c;d": "3;4"}, {"a;b": "5;6", "c;d": "7;8"}]
    bare = read("x.csv", text, options=ReadOptions(header=False))
    assert bare.columns == ["column_1", "column_2", "column_3"]
    assert [row["column_1"] for row in bare.rows] == ["a", "1", "5"]
    assert read("x.csv", text, options=found.options).options == found.options


def test_the_encoding_can_be_changed(read):
    data = "otázka,odpověď\nProč?,Protože.\n".encode("iso8859-2")
    assert read("x.csv", data).encoding == "cp1252"
    parsed = read("x.csv", data, options=ReadOptions(encoding="iso8859-2"))
    assert list(parsed.rows) == [{"otázka": "Proč?", "odpověď": "Protože."}]
    assert parsed.notes == ["Read as iso8859-2."]
    with pytest.raises(DataError, match=r"'x\.csv', line 2: the text there is not gb18030; choose another encoding"):
        read("x.csv", b"a,b\n\xff\xff,c\n", options=ReadOptions(encoding="gb18030"))


OLD_TEXTS = {
    "cp1252": "Ça va très bien, où êtes-vous allés hier soir ? – Größe „ß“ año",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "cp1251": "Почему небо голубое? Потому что молекулы воздуха рассеивают синий свет.",
    "cp1253": "Γιατί ο ουρανός είναι γαλάζιος; Επειδή ο αέρας σκεδάζει το μπλε φως.",
    "gb18030": "为什么天空是蓝色的？因为空气分子散射蓝光比红光更强。",
    "big5": "為什麼天空是藍色的？因為空氣分子散射藍光比紅光更強。",
    "cp932": "空はなぜ青いのですか？空気の分子が青い光を散乱させるからです。",
    "euc_jp": "空はなぜ青いのですか？空気の分子が青い光を散乱させるからです。",
    "cp949": "하늘은 왜 파란가요? 공기 분자가 푸른 빛을 더 많이 산란시키기 때문입니다.",
}


@pytest.mark.parametrize("encoding", OLD_TEXTS)
def test_encodings_of_old_are_guessed(read, encoding):
    text = OLD_TEXTS[encoding]
    parsed = read("x.csv", f"text\n{text.replace(',', '')}\n".encode(encoding))
    assert (parsed.encoding, parsed.rows[0]["text"]) == (encoding, text.replace(",", ""))


def test_one_list_of_several_can_be_chosen(read):
    text = json.dumps({"train": ROWS, "test": ROWS[:1]})
    found = read("x.json", text)
    assert (found.options.sheet, found.sheets, len(found.rows)) == ("train", ["train", "test"], 2)
    chosen = read("x.json", text, options=ReadOptions(sheet="test"))
    assert (chosen.options.sheet, list(chosen.rows)) == ("test", ROWS[:1])
    with pytest.raises(DataError, match="there is no list of rows 'dev' in it; choose one of these: 'train', 'test'"):
        read("x.json", text, options=ReadOptions(sheet="dev"))


def test_plain_text_by_line_paragraph_or_whole(read):
    text = "Dear Ada,\r\n\r\n  two,\nlines\n \n\nend\n"
    lines = read("x.txt", text)
    assert (lines.format, lines.options.text_as) == ("txt", "lines")
    assert [row["text"] for row in lines.rows] == ["Dear Ada,", "  two,", "lines", "end"]
    paragraphs = read("x.txt", text, options=ReadOptions(text_as="paragraphs"))
    assert [row["text"] for row in paragraphs.rows] == ["Dear Ada,", "  two,\nlines", "end"]
    assert [row["text"] for row in read("x.md", text, options=ReadOptions(text_as="file")).rows] == [text]
    assert read("y.txt", "[1] a footnote\n{b} another\n").columns == ["text"]


def test_lines_with_commas_are_prose_in_a_txt_and_cells_in_a_csv(read):
    text = "Well, yes.\nNo, never.\n"
    assert read("x.txt", text).columns == ["text"]
    assert read("x.csv", text).columns == ["Well", "yes."]


def test_bad_rows_are_dropped_only_when_asked(read):
    parsed = read("x.jsonl", '{"a": "1"}\n[1]\n{"a": "2"}\n{"a": ', drop_bad_rows=True)
    assert list(parsed.rows) == [{"a": "1"}, {"a": "2"}]
    assert [problem.line for problem in parsed.problems] == [2, 4]
