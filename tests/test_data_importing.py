"""Files and shipped examples become datasets, or leave nothing."""

import json
import re
from dataclasses import replace
from unittest.mock import ANY

import pytest

from studio.data.importing import (
    PRESETS,
    HubSource,
    correct_preview,
    import_example,
    import_file,
    import_folder,
    import_hub,
    import_preview,
    import_text,
    list_examples,
    preview_file,
)
from studio.data.importing.choosing import Asked
from studio.data.importing.samples import sample_rows
from studio.data.importing.signatures import forget_choice, list_choices
from studio.data.reading import ReadOptions, read_file
from studio.data.roles.conversations import to_example, why_untrainable
from studio.data.store import list_datasets, open_dataset
from studio.errors import DataError
from studio.home import open_home


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


DOLLY = {"instruction": "Who?", "context": "The text says Ann.", "response": "Ann", "category": "closed_qa"}


def test_a_file_becomes_a_dataset(home, write):
    result = import_file(home, write("Meine Fragen.jsonl", json.dumps(DOLLY) + "\n" + json.dumps(DOLLY)))
    assert (result.dataset, result.rows, result.format, result.file_format) == ("meine-fragen", 2, "dolly", "jsonl")
    assert result.roles == {
        "instruction": "instruction",
        "context": "input",
        "response": "output",
        "category": "ignore",
    }
    dataset = open_dataset(home, result.dataset)
    assert (dataset.name, dataset.mapping) == ("Meine Fragen", result.roles)
    assert [row.values for row in dataset.rows()] == [DOLLY, DOLLY]
    assert dataset.source == {"file": "Meine Fragen.jsonl", "format": "jsonl", "family": "dolly", "dropped": 0}


def test_rows_with_other_keys_get_every_column(home, write):
    result = import_file(home, write("x.jsonl", '{"prompt": "a", "completion": "b"}\n{"prompt": "c"}'))
    assert open_dataset(home, result.dataset).row(2).values == {"prompt": "c", "completion": None}
    assert result.notes == ["The rows differ in their keys: 1 of 2 have no 'completion'."]


def test_the_users_roles_win(home, write):
    path = write("x.csv", "prompt,completion,note\na,b,c\n")
    overrides = {"output": "note", "input": ["completion"]}
    assert import_file(home, path, "x", overrides).roles == {
        "prompt": "instruction",
        "completion": "input",
        "note": "output",
    }
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    path = write("y.jsonl", json.dumps({"messages": turns, "short": "a"}))
    assert import_file(home, path, "y", {"output": "short"}).roles == {"messages": "ignore", "short": "output"}


def test_bad_rows_can_be_dropped(home, write):
    path = write("x.jsonl", '{"prompt": "a", "completion": "b"}\n[]\n')
    result = import_file(home, path, drop_bad_rows=True)
    assert (result.rows, [problem.line for problem in result.problems]) == (1, [2])
    assert open_dataset(home, result.dataset).source["dropped"] == 1


def test_refusals_leave_nothing(home, write):
    good = write("x.csv", "prompt,completion\na,b\n")
    no_answer = write("y.csv", "foo,bar\na,b\n")
    for path, overrides, message in (
        (good, {"answer": "prompt"}, "There is no role 'answer'. The roles are instruction, input, output"),
        (good, {"output": "answer"}, "There is no column 'answer' to be the output. The columns are 'prompt', "),
        (no_answer, {}, "No column holds the answer to learn: the columns are 'foo', 'bar'. Say which one does"),
        (write("z.jsonl", '{"a": 1}\n[]'), {}, "'z.jsonl', line 2: a row must be an object"),
        (write("e.json", ""), {}, "'e.json': it is empty"),
    ):
        with pytest.raises(DataError) as error:
            import_file(home, path, mapping_overrides=overrides)
        assert str(error.value).startswith(message)
    assert list_datasets(home) == []
    assert list(home.datasets.iterdir()) == []
    assert import_file(home, no_answer, allow_unmapped=True).roles == {"foo": "ignore", "bar": "ignore"}


def test_the_same_file_twice_makes_two(home, write):
    path = write("x.csv", "prompt,completion\na,b\n")
    assert [import_file(home, path).dataset for _ in range(2)] == ["x", "x-2"]


@pytest.fixture
def presets(tmp_path):
    folder = tmp_path / "presets" / "examples"
    folder.mkdir(parents=True)
    (folder / "sky.jsonl").write_text('{"ask": "Why is the sky blue?", "reply": "Scattering.", "by": "me"}\n')
    (folder / "sky.yaml").write_text(
        "# Why\ntitle: The sky\ndescription: Questions.\nlicence: Apache-2.0\nrows: 1\n"
        "columns: {ask: instruction, reply: output}\n"
    )
    return tmp_path / "presets"


def test_an_example_becomes_a_dataset(home, presets):
    assert [(example.name, example.title, example.rows) for example in list_examples(presets)] == [
        ("sky", "The sky", 1)
    ]
    result = import_example(home, "sky", presets)
    assert (result.dataset, result.rows) == ("sky", 1)
    assert result.roles == {"ask": "instruction", "reply": "output", "by": "ignore"}
    assert open_dataset(home, "sky").source == {"example": "sky", "licence": "Apache-2.0"}
    for wrong in ("sea", "../sky", ""):
        with pytest.raises(DataError, match=r"There are 'sky'\."):
            import_example(home, wrong, presets)
    (presets / "examples" / "sky.yaml").write_text("title: x\n")
    with pytest.raises(DataError, match=r"'sky.yaml' must have exactly the keys title"):
        list_examples(presets)


def test_every_shipped_example_loads(home):
    examples = list_examples()
    assert examples
    for example in examples:
        result = import_example(home, example.name)
        assert (result.dataset, result.rows) == (example.name, example.rows)
        assert set(example.columns) <= set(result.roles)
    assert (PRESETS / "examples").is_dir()


def test_an_example_brings_its_options(home, presets):
    folder = presets / "examples"
    (folder / "moods.jsonl").write_text('{"text": "x", "label": 1}\n{"text": "y", "label": -1}\n')
    (folder / "moods.yaml").write_text(
        "title: Moods\ndescription: d\nlicence: Apache-2.0\nrows: 2\ncolumns: {text: input, label: label}\n"
        'options: {labels: {label: [sad, glad]}, instruction: "How is it?"}\n'
    )
    assert import_example(home, "moods", presets).format == "classification"
    dataset = open_dataset(home, "moods")
    examples = [to_example(row.values, dataset.mapping) for row in dataset.rows()]
    assert [turn["content"] for turn in examples[0].turns] == ["How is it?\n\nx", "glad"]
    assert why_untrainable(examples[1]) == "the label is -1, which stands for no label"
    (folder / "moods.yaml").write_text("title: x\nmood: y\n")
    with pytest.raises(DataError, match="and options if it needs any"):
        list_examples(presets)


LABELLED = {"text": "input", "label": "label"}
MOODS = "".join(json.dumps({"text": f"Remark {n}", "label": n % 2}) + "\n" for n in range(30))


def test_a_preview_stores_nothing_and_can_be_corrected(home, write):
    path = write("moods.jsonl", MOODS)
    preview = preview_file(home, path)
    assert (preview.family, preview.title, preview.roles) == ("classification", "moods", LABELLED)
    assert preview.asked == Asked(labels={"label": ["0", "1"]})
    assert [sample.kind for sample in preview.samples] == ["with context", "longest", "another"]
    assert preview.samples[0].example.output == "0"
    assert preview.options.encoding == "utf-8"
    assert list_datasets(home) == [] and list_choices(home) == []
    named = preview.roles.change(labels={"label": {"0": "sad", "1": "glad"}}, instruction="How is it?")
    corrected = correct_preview(preview, named)
    assert (corrected.samples[0].example.output, corrected.asked) == ("sad", Asked())
    assert preview_file(home, path, named) == replace(corrected, parsed=ANY)
    unasked = correct_preview(preview, named.change(instruction=""))
    assert unasked.asked == Asked(instruction="Classify this text. Answer with one of: sad, glad.")
    result = import_preview(home, preview, "Moods", named)
    assert (result.dataset, result.rows, result.mapping["label"].role) == ("moods", 30, "label")
    assert result.notes == ["Every row asks: How is it?", "In 'label', 0 is sad, 1 is glad."]
    assert open_dataset(home, "moods").mapping == named
    assert open_dataset(home, "moods").source == {
        "file": "moods.jsonl",
        "format": "jsonl",
        "family": "classification",
        "dropped": 0,
    }


def test_what_was_chosen_is_remembered_for_the_same_columns(home, write):
    path = write("x.csv", "foo,bar,note\na,b,c\n")
    import_file(home, path, mapping_overrides={"output": "bar", "instruction": "foo"})
    again = preview_file(home, write("y.jsonl", '{"note": "c", "bar": "b", "foo": "a"}'))
    assert again.roles == {"note": "ignore", "bar": "output", "foo": "instruction"}
    assert re.fullmatch(
        r"as you chose on \d{4}-\d\d-\d\d for a file with the same columns", again.mapping["bar"].reason
    )
    assert again.mapping["bar"].confidence == 1.0
    assert preview_file(home, write("z.csv", "foo,bar\na,b\n")).roles == {"foo": "ignore", "bar": "ignore"}
    import_preview(home, again, chosen={"output": "note"})
    assert preview_file(home, path).roles == {"foo": "instruction", "bar": "ignore", "note": "output"}
    assert len(list_choices(home)) == 1
    assert forget_choice(home, ["bar", "note", "foo"]) and not forget_choice(home, ["foo"])
    assert preview_file(home, path).roles == {"foo": "ignore", "bar": "ignore", "note": "ignore"}


def test_what_was_found_anyway_is_not_remembered(home, write):
    import_file(home, write("x.csv", "prompt,completion\na,b\n"), mapping_overrides={"output": "completion"})
    assert list_choices(home) == []


def test_names_of_labels_are_remembered_only_where_they_fit(home, write):
    path = write("x.jsonl", MOODS)
    names = {"label": {"0": "sad", "1": "glad"}}
    import_file(home, path, mapping_overrides=preview_file(home, path).roles.change(labels=names))
    again = preview_file(home, path)
    assert again.roles.options.labels == names
    assert again.mapping["label"].confidence == 0.6
    assert "its labels have the names you chose on" in again.mapping["label"].reason
    assert again.asked == Asked()
    assert again.roles.options.instruction == "Classify this text. Answer with one of: sad, glad."
    other = preview_file(home, write("y.jsonl", MOODS.replace('"label": 0', '"label": 5')))
    assert other.roles.options.labels == {}
    assert other.asked.labels == {"label": ["1", "5"]}


def test_a_damaged_memory_stops_no_import(home, write):
    path = write("x.csv", "prompt,completion\na,b\n")
    for content in (
        "{",
        "[7]",
        '[{"mapping": {}}]',
        '[{"mapping": {"roles": {}, "options": 1}, "options": [], "at": ""}]',
    ):
        (home.path / "roles.json").write_text(content)
        assert preview_file(home, path).family == "prompt/completion"
    import_file(home, path, mapping_overrides={"input": "prompt"})
    assert len(list_choices(home)) == 1


def test_the_instruction_follows_the_roles_chosen(home, write):
    path = write("x.jsonl", MOODS)
    assert "label alone" in preview_file(home, path).roles.options.instruction
    assert preview_file(home, path, {"instruction": "text"}).roles.options.instruction == ""
    assert preview_file(home, path, {"output": "label"}).roles.options.instruction == ""
    rows = "".join(json.dumps({"a": f"Some remark {n % 3}", "b": ("no", "yes")[n % 2]}) + "\n" for n in range(9))
    chosen = preview_file(home, write("y.jsonl", rows), {"label": "b", "input": "a"})
    assert chosen.roles.options.instruction == "Classify this text. Answer with one of: no, yes."
    assert chosen.mapping["b"].reason == "chosen by you"


def test_the_direction_of_a_translation_is_asked(home, write):
    rows = [{"translation": {"de": "Hallo", "en": "Hello"}}]
    preview = preview_file(home, write("t.json", json.dumps(rows * 3)))
    assert preview.asked == Asked(languages=["de", "en"])
    assert preview.mapping["translation"].confidence == 0.5
    back = preview_file(home, write("t.json", json.dumps(rows * 3)), preview.roles.change(direction=("en", "de")))
    assert back.samples[0].example.output == "Hallo"
    assert import_preview(home, back).notes == ["Every row asks to translate from English into German."]


def test_samples_show_three_different_rows(home, write):
    rows = [{"instruction": "a", "input": "", "output": "b"}] * 5
    rows += [{"instruction": "c", "input": "x" * n, "output": "d"} for n in (3, 900, 4)]
    rows += [{"instruction": "", "input": "", "output": ""}]
    preview = preview_file(home, write("x.json", json.dumps(rows)))
    kinds = [(sample.kind, sample.number, len(sample.values["input"]), sample.problem) for sample in preview.samples]
    assert kinds == [("with context", 6, 3, None), ("without context", 1, 0, None), ("longest", 7, 900, None)]
    dataset = open_dataset(home, import_preview(home, preview).dataset)
    assert sample_rows(dataset, dataset.mapping) == preview.samples
    assert sample_rows(dataset, {"output": "ignore"}) == []
    one = preview_file(home, write("y.json", json.dumps(rows[:1])))
    assert [sample.kind for sample in one.samples] == ["longest"]
    bad = preview_file(home, write("z.json", json.dumps([{"messages": [{"role": "user", "content": "q"}]}])))
    assert [sample.problem for sample in bad.samples] == ["no assistant turn"]


def test_pasted_text_and_folders(home, write, tmp_path):
    result = import_text(home, "prompt\tcompletion\na\tb\n", "Pasted")
    assert (result.dataset, result.rows, result.format) == ("pasted", 1, "prompt/completion")
    assert open_dataset(home, "pasted").source["file"] == "pasted text"
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / f"{name}.jsonl").write_text(json.dumps({"prompt": name, "completion": "b"}))
    result = import_folder(home, folder)
    assert (result.dataset, result.rows) == ("parts", 2)
    assert result.roles == {"prompt": "instruction", "completion": "output", "split": "split"}


def test_how_a_file_is_read_can_be_said(home, write):
    path = write("x.csv", "prompt|completion\na;1|b\n")
    assert import_file(home, path, options=ReadOptions(delimiter="|")).roles["completion"] == "output"
    headless = preview_file(home, write("y.csv", "a,b\nc,d\n"), options=ReadOptions(header=False))
    assert list(headless.mapping) == ["column_1", "column_2"]


def test_rows_of_the_hub(home, write, monkeypatch):
    asked = []

    def read_hub(*part, progress, should_stop):
        asked.append(part)
        parsed = read_file(write("x.jsonl", MOODS))
        return replace(parsed, label_names={"label": ["sad", "glad"]}, source={"hub": "me/moods", "revision": "abc"})

    monkeypatch.setattr("studio.data.importing.hub_rows.read_hub", read_hub)
    result = import_hub(home, HubSource("me/moods", "plain", "train", 30))
    assert asked == [("me/moods", "plain", "train", 30, None, False)]
    dataset = open_dataset(home, result.dataset)
    assert (dataset.name, dataset.mapping.options.labels) == ("moods", {"label": {"0": "sad", "1": "glad"}})
    assert dataset.source["hub"] == "me/moods" and dataset.source["revision"] == "abc"
    assert dataset.source["limit"] == 30
