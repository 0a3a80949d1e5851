"""The command line without a run: its documents, its sentences and its exit codes."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from studio.cli import build_parser, main
from studio.cli.compare import ask
from studio.cli.frame import Terminal, printable
from studio.cli.train import read_recipe
from studio.data.importing import list_examples
from studio.data.store import list_datasets
from studio.events import append_event
from studio.recipes import list_recipes, load_recipe, to_command
from studio.runs import start
from studio.settings import change, list_settings
from studio.system import project_folder

QUICK = "--train.max_steps 3 --train.max_length 64 --train.packing false --launch.device cpu --model.dtype float32"
EXAMPLES = ", ".join(repr(example.name) for example in list_examples())

pytest_plugins = ["tests.cli_fixtures"]


def python(*words: str, **options) -> subprocess.CompletedProcess:
    """A real process, without the network."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=project_folder(), env=environment, capture_output=True, text=True, timeout=200, **options
    )


# settings, flags and usage


def test_settings_lists_every_setting(document, studio):
    settings = document("settings")
    assert settings == [setting.model_dump() for setting in list_settings()]
    rank = next(setting for setting in settings if setting["path"] == "lora.rank")
    assert {key: rank[key] for key in ("section", "type", "default", "choices", "low", "high")} == {
        "section": "LoRA", "type": "integer", "default": 16, "choices": None, "low": 1, "high": 512,
    }  # fmt: skip
    text = studio("settings")[1]
    assert "  lora.rank = 16  (1 to 512)\n      Size of the adapter matrices" in text
    assert all(f"  {setting['path']} = " in text for setting in settings)


def test_a_process_prints_one_document_and_loads_no_torch(tmp_path):
    script = (
        "import sys; from studio.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'transformers', 'gradio', 'sqlite3', 'tokenizers'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = python("-c", script, "--json", "--home", str(tmp_path), "settings")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == len(list_settings())


def test_a_process_ends_with_one_line_and_the_code(tmp_path):
    done = python("-m", "studio", "stop", "nope", "--json", "--home", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no run 'nope'. No run was started yet.\n"


def test_a_reader_may_leave_early(tmp_path):
    command = [sys.executable, "-m", "studio", "settings", "--home", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=project_folder(), **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_home_and_json_may_stand_on_either_side_of_the_verb(tmp_path, capsys):
    for words in (["--json", "--home", str(tmp_path), "runs"], ["runs", "--json", "--home", str(tmp_path)]):
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out) == []
    assert main(["--home", str(tmp_path / "mine"), "data", "list"]) == 0
    assert capsys.readouterr().out == f"There are no datasets in {tmp_path / 'mine'} yet.\n"
    assert (tmp_path / "mine" / "datasets").is_dir()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "The following arguments are required: VERB; see `python -m studio --help`."),
        ("preview", "The following arguments are required: DATASET|FILE; see `python -m studio preview --help`."),
        ("preview x --row two", "Argument --row: invalid int value: 'two'; see `python -m studio preview --help`."),
        (
            "train first-run --lora.rnk 8",
            "There is no setting lora.rnk (did you mean lora.rank?); `python -m studio settings` lists them all.",
        ),
        ("train first-run --zzz.y=1", "There is no setting zzz.y; `python -m studio settings` lists them all."),
        ("runs --jsno", "There is no flag --jsno here; see `python -m studio VERB --help`."),
        ("runs --js", "There is no flag --js here; see `python -m studio VERB --help`."),
        ("stop one two", "There is no place for 'two' here; see `python -m studio VERB --help`."),
        ("data check x --map answer", "--map takes ROLE=COLUMN, such as output=answer, not 'answer'."),
        ("preview x --template alpaca --jinja f", "Give either --template or --jinja, not both."),
        ("preview x --template custom", "With --template custom, say which one it is: --jinja FILE."),
        (
            "data import complaints --name mine",
            "The example complaints has its own name and roles; leave out --name, --map, --label, --direction and "
            "--instruction.",
        ),
    ],
)
def test_a_command_that_is_not_understood(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    assert main([*words.split(), "--json"]) == 2
    assert capsys.readouterr() == ("", sentence + "\n")


def test_an_unknown_verb_names_those_there_are(capsys):
    assert main(["fly"]) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("Argument VERB: invalid choice: 'fly' (choose from 'data', 'preview', 'train', 'runs',")
    assert sentence.count("\n") == 1


def test_help_shows_every_setting(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m studio train RECIPE [--dataset D] [--run NAME] [--detach] [--section.")
    assert list_settings()
    for setting in list_settings():
        assert f"--{setting.path} " in text
        assert squeeze(setting.help) in squeeze(text)


def squeeze(text: str) -> str:
    """Without the breaks that a help text gets."""
    return "".join(text.split())


def test_the_command_that_the_page_shows_gives_the_recipe_it_stands_for():
    changes = {"train.packing": False, "lora.rank": 4, "template.system": "Say 'no'.", "train.learning_rate": 3e-5}
    assert "first-run" in list_recipes()
    recipe = change(load_recipe("first-run")[0], changes)
    words = shlex.split(to_command(recipe, "mine"))
    assert words[:3] == ["python", "-m", "studio"]
    arguments = build_parser().parse_args(words[3:])
    assert read_recipe(arguments) == (recipe, "complaints")
    assert arguments.dataset == "mine"


# bad input: the sentence, the code, and nothing left behind


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("data import nowhere.json", "There is no file 'nowhere.json'. Check the path."),
        (
            "data import complaint",
            "There is no dataset, file or example 'complaint': the datasets are 'capitals', and the examples that "
            f"can be had by name are {EXAMPLES}.",
        ),
        ("data check capitals --map output=x", "There is no column 'x' to be the output. The columns are "
         "'instruction', 'output'."),
        ("data export capitals --format xls --out x.xls", "There is no export format 'xls'. Choose one of jsonl, "
         "parquet, json, csv, csv-spreadsheet, messages, alpaca, sharegpt, prompt-completion."),
        ("preview capitals --row 40", "'capitals' has 40 rows, counted from 0, so there is no row 40."),
        ("preview capitals --row -1", "'capitals' has 40 rows, counted from 0, so there is no row -1."),
        ("preview capitals --max-length 0", "train.max_length = 0: it should be greater than or equal to 16."),
        ("preview capitals --jinja no.jinja", "The template no.jinja cannot be read (No such file or directory). "
         "Check the path."),
        ("train nope", "There is no recipe 'nope'. Give a YAML file, or one of: first-run."),
        ("train first-run --lora.rank 0", "lora.rank = 0: it should be greater than or equal to 1."),
        (
            "train first-run --lora.dropout 2 --train.packing maybe",
            "lora.dropout = 2.0: it should be less than 1; train.packing = 'maybe': it should be a valid boolean, "
            "unable to interpret it.",
        ),
        ("train first-run --run ../x", "'../x' cannot be a name here: use 1 to 64 of a-z, 0-9, '-' and '_', beginning "
         "with a letter or a digit."),
        ("train first-run --run taken", "A run named taken exists already. Choose another name; runs are never "
         "overwritten."),
        (
            "train first-run --dataset nope",
            "There is no dataset, file or example 'nope': the datasets are 'capitals', and the examples that can be "
            f"had by name are {EXAMPLES}.",
        ),
        ("stop nope", "There is no run 'nope'. No run was started yet."),
        ("compare nope --prompt x", "There is no run 'nope'. No run was started yet."),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_done(studio, capitals, home, words, sentence):
    home.run("taken").mkdir()
    assert studio(*words.split(), "--json") == (1, "", sentence + "\n")
    assert [info.id for info in list_datasets(home)] == ["capitals"]
    assert [path.name for path in home.runs.iterdir()] == ["taken"]


def test_rows_without_answers_cannot_be_trained(studio, write, model, home):
    rows = [{"instruction": "a", "output": ""}, {"instruction": "b", "output": " "}]
    assert studio("data", "import", write("bare.json", json.dumps(rows)))[0] == 0
    words = f"train first-run --dataset bare --model.name {model} {QUICK}".split()
    sentence = "The dataset bare has no row that could be trained: 2 rows: the answer is empty (id 1, 2).\n"
    assert studio(*words) == (1, "", sentence)
    assert list(home.runs.iterdir()) == []


def test_a_template_with_a_syntax_error(studio, write, model, capitals, home):
    sentence = "The template cannot be rendered (line 2): Expected an expression, got 'end of statement block'.\n"
    jinja = "{{ output }}\n{% for %}"
    assert studio("preview", capitals, "--model", str(model), "--jinja", write("x.jinja", jinja)) == (1, "", sentence)
    words = f"train first-run --dataset capitals --model.name {model} {QUICK} --template.name custom".split()
    assert studio(*words, "--template.jinja", jinja) == (1, "", sentence)
    assert list(home.runs.iterdir()) == []


def test_a_model_that_cannot_be_found(home, capitals):
    words = ["train", "first-run", "--dataset", capitals, "--model.name", "nobody/nothing", "--json"]
    done = python("-m", "studio", *words, "--home", str(home.path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"nobody/nothing could not be found. Tried: {home.models}/nobody--nothing; the hub's")
    assert "(switched off by HF_HUB_OFFLINE). Connect this computer to the hub, or give the path" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(home.runs.iterdir()) == []


def test_recipes_that_cannot_be_read(studio, write, tmp_path):
    unknown = write("unknown.yaml", "train:\n  rank: 3\n")
    assert studio("train", unknown)[::2] == (
        1, "There is no setting train.rank; `python -m studio settings` lists them all.\n",
    )  # fmt: skip
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert studio("train", str(tmp_path / "binary.yaml"))[2] == "binary.yaml is not UTF-8 text. Save it as UTF-8.\n"
    bare = write("bare.yaml", "lora:\n  rank: 3\n")
    sentence = f"The recipe {bare} names no dataset; say which one with --dataset.\n"
    assert studio("train", bare) == (1, "", sentence)


def test_a_home_that_is_a_file(write, capsys):
    assert main(["runs", "--home", write("file", "")]) == 1
    sentence = capsys.readouterr().err
    assert "Not a directory. Check the path, its permissions and the space on the disk.\n" in sentence
    assert sentence.count("\n") == 1


def test_text_from_elsewhere_cannot_steer_the_terminal():
    assert printable("a\x1b[31mé\x07\n\tb\x7f") == "a\\x1b[31mé\\x07\n\tb\\x7f"


# what a run is told and how it ends, without a worker


def test_both_answers_are_shown_while_they_come(capsys):
    said = [("tuned", "A", False), ("base", "x", False), ("tuned", "B", True), ("base", "y", True)]
    last = {"base": {"tokens": 2}, "tuned": {"tokens": 2}}

    class Host:
        def twins(self, request):
            yield from ({"column": column, "text": text, "done": done} for column, text, done in said)
            yield {"done": True, **last}

    for as_json, shown in ((False, "Base:\nxy\n\nTuned:\nAB\n\n"), (True, "")):
        assert ask(Host(), None, Terminal(as_json)) == last
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("last", "code", "err"),
    [
        ({"kind": "finished"}, 0, ""),
        ({"kind": "failed", "reason": "The disk is full."}, 1, "capitals-1 failed: The disk is full.\n"),
        ({"kind": "diverged", "reason": "Lower it."}, 1, "capitals-1 diverged: Lower it.\n"),
    ],
)
def test_how_train_ends(studio, capitals, model, monkeypatch, last, code, err):
    monkeypatch.setattr(start, "launch_worker", lambda run: append_event(run.events, at=0.0, **last))
    words = f"train first-run --dataset capitals --model.name {model} {QUICK} --json".split()
    assert studio(*words) == (code, pretty({"run": "capitals-1", "status": last["kind"], "report": None}), err)
    started = studio(*words, "--detach")
    assert started == (0, pretty({"run": "capitals-2", "status": last["kind"], "report": None}), "")


def pretty(document: dict) -> str:
    return json.dumps(document, indent=1) + "\n"
