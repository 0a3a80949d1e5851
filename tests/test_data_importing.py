"""Files and shipped examples become datasets, or leave nothing."""

import json

import pytest

from studio.data.importing import PRESETS, import_example, import_file, list_examples
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
