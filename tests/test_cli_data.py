"""`data` and `preview` from a terminal."""

import io
import json

import pytest

from studio.data.store import list_datasets, open_dataset
from tests.hub_stand_in import Repository, serve_datasets

pytest_plugins = ["tests.cli_fixtures"]


# data


def test_import_check_export_and_list(document, studio, write, tmp_path):
    path = write("Tickets 4.csv", "prompt,completion\na,1\nb,\na,1\n")
    imported = document("data", "import", path)
    reason = "the columns are those of the prompt/completion format"
    assert imported == {
        "dataset": "tickets-4",
        "rows": 3,
        "format": "prompt/completion",
        "mapping": {
            "prompt": {"role": "instruction", "confidence": 0.95, "reason": reason},
            "completion": {"role": "output", "confidence": 0.95, "reason": reason},
        },
        "problems": [],
        "file_format": "csv",
        "notes": [],
    }
    checked = document("data", "check", "tickets-4")
    assert (checked["dataset"], checked["rows"], checked["problems"]) == ("tickets-4", 3, [])
    assert {name: found for name, found in checked["checks"].items() if found["count"]} == {
        "empty_answer": {"count": 1, "rows": [2]},
        "duplicate_rows": {"count": 1, "rows": [3]},
    }
    assert "  empty answer: 1 (row ids 2)\n" in studio("data", "check", "tickets-4")[1]
    out = tmp_path / "out.jsonl"
    exported = document("data", "export", "tickets-4", "--format", "jsonl", "--out", str(out))
    expected = {"dataset": "tickets-4", "rows": 3, "format": "jsonl", "out": str(out)}
    assert exported == {**expected, "left_out": {}, "notes": []}
    assert out.read_text().splitlines()[0] == '{"prompt": "a", "completion": "1"}'
    [listed] = document("data", "list")
    assert (listed["id"], listed["name"], listed["rows"]) == ("tickets-4", "Tickets 4", 3)


def test_import_with_roles_and_without_bad_rows(document, studio, write):
    path = write("x.jsonl", '{"a": "q", "b": "r", "c": "s"}\n{"a": \n')
    words = ["data", "import", path, "--name", "mine", "--map", "output=c", "--map", "instruction=a"]
    imported = document(*words, "--map=instruction=b", "--drop-bad-rows")
    assert (imported["dataset"], imported["rows"]) == ("mine", 1)
    roles = {column: found["role"] for column, found in imported["mapping"].items()}
    assert roles == {"a": "instruction", "b": "instruction", "c": "output"}
    problem = "it ends in the middle of a value; the file may be cut off"
    assert imported["problems"] == [{"line": 2, "message": problem}]
    _, out, _ = studio(*words, "--drop-bad-rows")
    assert out.startswith("Imported 1 row as the dataset mine-2 (unknown format).\n  a: instruction (chosen by you)\n")
    assert f"Left out 1 row:\n  line 2: {problem}\n" in out


def test_a_shipped_example_is_imported_by_its_name(document, home):
    assert document("data", "import", "complaints")["dataset"] == "complaints"
    assert open_dataset(home, "complaints").source["example"] == "complaints"


def test_a_file_is_checked_without_being_stored(document, home, write):
    path = write("x.jsonl", '{"ask": "a", "say": ""}\n{"ask"\n{"ask": "b"}\n')
    checked = document("data", "check", path, "--map", "output=say", "--map", "instruction=ask")
    assert (checked["dataset"], checked["rows"]) == (path, 2)
    assert checked["checks"]["empty_answer"] == {"count": 2, "rows": [1, 2]}
    assert [problem["line"] for problem in checked["problems"]] == [2]
    assert document("data", "check", "complaints")["rows"] == 624
    assert list_datasets(home) == []


# preview


def test_preview_shows_what_is_trained(document, model, capitals):
    shown = document("preview", capitals, "--row", "1", "--model", str(model))
    tokens = shown["tokens"]
    assert shown["text"] == (
        "<|im_start|>user\nWhat is the capital of country 1?<|im_end|>\n<|im_start|>assistant\nParis 1<|im_end|>\n"
    )
    trained = [token for token in tokens if token["state"] == "trained"]
    assert [token["text"] for token in trained] == ["Par", "is", " ", "1", "<|im_end|>", "\n"]
    assert all(shown["text"][token["start"] : token["end"]] == token["text"] for token in tokens)
    assert (shown["trained"], shown["context"], shown["cut"]) == (len(trained), len(tokens) - len(trained), 0)
    assert (shown["row"], shown["problem"], shown["method"], shown["stop_token_trained"]) == (2, None, "prefix", True)
    assert (tokens[0]["id"], tokens[0]["text"]) == (1, "<|im_start|>")


def test_preview_as_text_marks_the_trained_tokens(studio, model, capitals):
    code, out, err = studio("preview", capitals, "--model", str(model))
    assert (code, err) == (0, "")
    assert "<|im_start|>assistant\n⟦Paris 0<|im_end|>\n⟧\n\n" in out
    assert out.splitlines()[-1].endswith(" tokens teach the model (inside ⟦ ⟧).")


def test_preview_of_a_row_that_is_cut(document, studio, model, capitals):
    words = ["preview", capitals, "--model", str(model), "--max-length"]
    whole = document(*words, "512")
    length = len(whole["tokens"]) - 2
    cut = document(*words, str(length))
    assert (cut["trained"], cut["cut"], cut["stop_token_trained"]) == (whole["trained"] - 2, 2, False)
    out = studio(*words, str(length))[1]
    assert "⟦Paris 0⟧✂<|im_end|>\n" in out
    assert "2 tokens cut off (from ✂ on): the row is longer than --max-length." in out
    assert "The model does not learn where the answer ends." in out


def test_preview_with_templates_of_all_kinds(document, studio, model, write, home):
    path = write("x.json", json.dumps([{"instruction": "Add.", "input": "1 2", "output": "3"}]))
    alpaca = document("preview", path, "--model", str(model), "--template", "alpaca")
    assert alpaca["text"].endswith("### Input:\n1 2\n\n### Response:\n3<|im_end|>")
    jinja = write("mine.jinja", "{{ system }}|{{ instruction }}|{{ output }}")
    words = ["preview", path, "--model", str(model), "--jinja", jinja, "--system", "Be kind."]
    mine = document(*words)
    assert mine["text"] == "Be kind.|Add.|3<|im_end|>"
    assert mine["stop_token_trained"] is True
    assert document(*words, "--train-on", "all")["context"] == 0
    empty = write("empty.jsonl", '{"instruction": "a", "output": ""}\n')
    assert document("preview", empty, "--model", str(model))["problem"] == "the answer is empty"
    assert "The row will not be trained: the answer is empty." in studio("preview", empty, "--model", str(model))[1]
    assert list_datasets(home) == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.json", "", "'empty.json': it is empty; choose a file with rows in it. Nothing was imported."),
        (
            "wrong.json",
            "hello",
            "'wrong.json', line 1: it is not JSON: that begins with [ or {; give a CSV file the ending .csv. "
            "Nothing was imported.",
        ),
        (
            "missing.csv",
            "question,note\na,b\n",
            "No column holds the answer to learn: the columns are 'question', 'note'. Say which one does: set its "
            "role to 'output' in the Data tab, or pass --map output=COLUMN.",
        ),
        (
            "cut.jsonl",
            '{"instruction": "a", "output": "b"}\n{"instr',
            "'cut.jsonl', line 2: it ends in the middle of a value; the file may be cut off (1 row that cannot be "
            "used). Nothing was imported: mend the file, or import it again and drop the bad rows.",
        ),
    ],
)
def test_a_file_that_cannot_be_imported(studio, write, home, name, content, sentence):
    assert studio("data", "import", write(name, content), "--json") == (1, "", sentence + "\n")
    assert list(home.datasets.iterdir()) == []


# other ways in


def test_labels_a_direction_and_an_instruction_are_given_by_flags(document, studio, write, home):
    path = write("moods.tsv", "text\tlabel\nnice\t1\nbad\t0\n")
    flags = ["--label", "label:0=negative", "--label", "label:1=positive", "--instruction", "Which mood?"]
    assert document("data", "import", path, *flags)["rows"] == 2
    options = open_dataset(home, "moods").mapping.options
    assert options.labels == {"label": {"0": "negative", "1": "positive"}}
    assert options.instruction == "Which mood?"
    rows = '{"translation": {"de": "Hallo", "en": "Hello"}}\n'
    document("data", "import", write("pairs.jsonl", rows), "--direction", "en:de")
    assert open_dataset(home, "pairs").mapping.options.direction == ("en", "de")
    for flag, value in (("--label", "label=x"), ("--direction", "de")):
        code, out, err = studio("data", "import", path, flag, value)
        assert (code, out) == (2, "") and f"{flag} takes" in err


def test_flags_that_would_say_nothing_are_refused(studio, write, home):
    pairs = write("pairs.jsonl", '{"translation": {"de": "Hallo", "en": "Hello"}}\n')
    moods = write("moods.tsv", "text\tlabel\nnice\t1\nbad\t0\n")
    for words, message in (
        ((pairs, "--direction", "de:fr"), "--direction takes two of 'de', 'en', not 'de:fr'"),
        ((moods, "--label", "labels:0=negative"), "There is no column 'labels' for --label. The columns are 'text',"),
        (("support-chat", "--instruction", "Answer."), "leave out --name, --map, --label, --direction and"),
        (("me/mine", "--hub", "--encoding", "cp1252"), "are for files, not for --hub"),
    ):
        code, out, err = studio("data", "import", *words)
        assert (code, out) == (2, "") and message in err
    assert list(home.datasets.iterdir()) == []


def test_a_pipe_in_another_encoding_says_what_to_do(studio, monkeypatch):
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO("question;answer\nWo?;Köln\n".encode("cp1252")), "utf-8")
    )
    code, out, err = studio("data", "import", "-")
    assert (code, out) == (2, "") and "--encoding" in err


def test_a_folder_and_text_from_a_pipe_are_imported(document, home, tmp_path, monkeypatch):
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / f"{name}.csv").write_text(f"question;answer\n{name}?;yes\n", encoding="utf-8")
    assert document("data", "import", str(folder))["mapping"]["split"]["role"] == "split"
    assert sorted(row.values["split"] for row in open_dataset(home, "parts").rows()) == ["test", "train"]
    monkeypatch.setattr("sys.stdin", io.StringIO("a|b\n1|2\n"))
    words = ("data", "import", "-", "--name", "piped", "--delimiter", "|", "--no-header")
    document(*words, "--map", "instruction=column_1", "--map", "output=column_2")
    assert [list(row.values.values()) for row in open_dataset(home, "piped").rows()] == [["a", "b"], ["1", "2"]]


def test_rows_of_the_hub_are_imported_by_name(document, studio, home, tmp_path, monkeypatch):
    folder = tmp_path / "there"
    folder.mkdir()
    rows = [{"question": f"{number}?", "answer": str(number)} for number in range(9)]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with serve_datasets() as hub:
        hub.datasets["school/sums"] = Repository(folder)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        words = ("data", "import", "school/sums", "--hub", "--split", "train", "--limit", "4")
        assert document(*words)["rows"] == 4
    assert open_dataset(home, "sums").source["hub"] == "school/sums"
    assert "add --hub" in studio("data", "import", "school/sums", "--limit", "4")[2]
