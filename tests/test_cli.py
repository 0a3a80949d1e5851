"""The command line: its documents, its sentences and exit codes, and a run from import to compare."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studio.cli import build_parser, main
from studio.cli.frame import printable
from studio.cli.progress import describe_event, duration, ending, follow
from studio.cli.train import read_recipe
from studio.data.finding import ensure_dataset, open_rows
from studio.data.store import list_datasets, open_dataset
from studio.errors import DataError
from studio.events import append_event
from studio.home import open_home
from studio.recipes import list_recipes, load_recipe, to_command
from studio.runs.folder import Run
from studio.runs.names import next_name
from studio.settings import change, list_settings
from studio.system import project_folder, try_lock
from tests.tiny import make_tiny_model

CAPITALS = [{"instruction": f"What is the capital of country {n}?", "output": f"Paris {n}"} for n in range(40)]
QUICK = "--train.max_steps 3 --train.max_length 64 --train.packing false --launch.device cpu --model.dtype float32"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def studio(home, capsys):
    """Run a command in this process: (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*words, "--home", str(home.path)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def document(studio):
    """The JSON document of a command that succeeds and says nothing else."""

    def run(*words: str):
        code, out, err = studio(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str) -> str:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def capitals(write, studio) -> str:
    """A dataset of 40 rows."""
    assert studio("data", "import", write("capitals.jsonl", lines(CAPITALS)))[0] == 0
    return "capitals"


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


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
    command = f"{shlex.quote(sys.executable)} -m studio settings --home {shlex.quote(str(tmp_path))} | head -c 5"
    done = subprocess.run(["sh", "-c", command], cwd=project_folder(), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("Task\n", "")


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
            "The example complaints has its own name and roles; leave out --name and --map.",
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
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("usage: python -m studio train RECIPE [--dataset D] [--run NAME] [--detach] [--section.")
    assert list_settings()
    for setting in list_settings():
        assert f"--{setting.path} " in text
        assert " ".join(setting.help.split()) in text


def test_the_command_that_the_page_shows_gives_the_recipe_it_stands_for():
    changes = {"train.packing": False, "lora.rank": 4, "template.system": "Say 'no'.", "train.learning_rate": 3e-5}
    assert "first-run" in list_recipes()
    recipe = change(load_recipe("first-run")[0], changes)
    words = shlex.split(to_command(recipe, "mine"))
    assert words[:3] == ["python", "-m", "studio"]
    arguments = build_parser().parse_args(words[3:])
    assert read_recipe(arguments) == (recipe, "complaints")
    assert arguments.dataset == "mine"


# data


def test_import_check_export_and_list(document, studio, write, tmp_path):
    path = write("Tickets 4.csv", "prompt,completion\na,1\nb,\na,1\n")
    imported = document("data", "import", path)
    reason = "the columns are those of the prompt-completion format"
    assert imported == {
        "dataset": "tickets-4",
        "rows": 3,
        "format": "prompt-completion",
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
    assert exported == {"dataset": "tickets-4", "rows": 3, "format": "jsonl", "out": str(out)}
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
    assert document("data", "check", "complaints")["rows"] == 468
    assert list_datasets(home) == []


# preview


def test_preview_shows_what_is_trained(document, model, capitals):
    shown = document("preview", capitals, "--row", "1", "--model", str(model))
    tokens = shown["tokens"]
    assert shown["text"] == (
        "<|im_start|>user\nWhat is the capital of country 1?<|im_end|>\n<|im_start|>assistant\nParis 1<|im_end|>\n"
    )
    trained = [token for token in tokens if token["state"] == "trained"]
    assert [token["text"] for token in trained] == [" Paris"[1:], " 1", "<|im_end|>", "\n"] or "".join(
        token["text"] for token in trained
    ) == "Paris 1<|im_end|>\n"
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


# bad input: the sentence, the code, and nothing left behind


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("data import nowhere.json", "There is no file 'nowhere.json'. Check the path."),
        (
            "data import complaint",
            "There is no dataset, file or example 'complaint': the datasets are 'capitals', and the examples that "
            "can be had by name are 'complaints'.",
        ),
        ("data check capitals --map output=x", "There is no column 'x' to be the output. The columns are "
         "'instruction', 'output'."),
        ("data export capitals --format xls --out x.xls", "There is no export format 'xls'. Choose one of jsonl, json, "
         "csv, parquet."),
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
            "had by name are 'complaints'.",
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
    assert studio("data", "import", write("bare.jsonl", lines(rows)))[0] == 0
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
        1, "there is no setting train.rank; `python -m studio settings` lists them all.\n",
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


# a run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, model):
    """A HOME with one real run of a few steps, and what `train --json` gave for it."""
    home = open_home(tmp_path_factory.mktemp("home"))
    (home.path / "capitals.jsonl").write_text(lines(CAPITALS))
    assert main(["data", "import", str(home.path / "capitals.jsonl"), "--home", str(home.path), "--json"]) == 0
    words = f"train first-run --dataset capitals --model.name {model} --evaluate.max_new_tokens 4 {QUICK}".split()
    return home, python("-m", "studio", *words, "--json", "--home", str(home.path))


def test_train_shows_progress_and_reports(trained):
    home, done = trained
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    assert (given["run"], given["status"]) == ("capitals-1", "finished")
    assert given["report"] == json.loads((home.run("capitals-1") / "report.json").read_text())
    assert (given["report"]["run"], given["report"]["steps"]) == ("capitals-1", 3)
    assert "step 3/3  loss " in done.stderr
    assert " tokens/s  0:00 left\n" in done.stderr
    assert next_name(home, "capitals") == "capitals-2"


def test_runs_lists_it(trained, capsys):
    home, _ = trained
    assert main(["runs", "--json", "--home", str(home.path)]) == 0
    [run] = json.loads(capsys.readouterr().out)
    assert (run["name"], run["status"], run["task"], run["dataset"]) == (
        "capitals-1", "finished", "instruct", "capitals",
    )  # fmt: skip
    assert (run["step"], run["steps"]) == (3, 3)
    assert run["metrics"]["test"]["exact_match"]["tuned"] == 0.0
    assert main(["runs", "--home", str(home.path)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "status", "step"]
    assert row.split()[:3] == ["capitals-1", "finished", "3/3"]


def test_a_run_that_is_over_cannot_be_stopped(trained, capsys):
    home, _ = trained
    assert main(["stop", "capitals-1", "--home", str(home.path)]) == 1
    assert capsys.readouterr().err == "capitals-1 is not running, so there is nothing to stop.\n"


def test_compare_answers_twice(trained):
    home, _ = trained
    words = ["compare", "capitals-1", "--prompt", "What is the capital of France?", "--max-new-tokens", "5", "--json"]
    done = python("-m", "studio", *words, "--seed", "7", "--home", str(home.path))
    assert (done.returncode, done.stderr) == (0, "")
    given = json.loads(done.stdout)
    assert set(given) == {"base", "tuned", "integrity", "seed", "base_prompt"}
    assert (given["seed"], given["base_prompt"]) == (7, "own template")
    report = json.loads((home.run("capitals-1") / "report.json").read_text())
    assert given["integrity"]["adapter_sha256"] == report["adapter_sha256"]
    assert given["integrity"]["max_logit_difference"] > 0
    for column in ("base", "tuned"):
        assert 1 <= given[column]["tokens"] <= 5
        assert given[column]["text"]
        assert given[column]["tokens_per_s"] > 0


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--prompt", " "], "There is nothing to answer: --prompt is empty. Write the question into it.\n"),
        (
            ["--prompt", "x", "--temperature", "9"],
            "The request cannot be answered: options.temperature should be less than or equal to 5.\n",
        ),
    ],
)
def test_questions_that_cannot_be_put(trained, capsys, flags, sentence):
    home, _ = trained
    assert main(["compare", "capitals-1", *flags, "--home", str(home.path)]) == 1
    assert capsys.readouterr() == ("", sentence)


# following a run, without a worker


@pytest.fixture
def run(home) -> Run:
    """A run that began, with no worker."""
    run = Run(home.run("one"))
    run.path.mkdir()
    append_event(run.events, "started", 0.0, steps=9, trained_parameters=1200)
    return run


def test_ctrl_c_saves_and_stops(run, monkeypatch):
    said, pauses = [], iter([KeyboardInterrupt, None])

    def sleep(seconds: float) -> None:
        pause = next(pauses)
        if pause:
            raise pause
        append_event(run.events, "stopped", 1.0, step=2)

    monkeypatch.setattr(time, "sleep", sleep)
    with try_lock(run.lock):
        assert follow(run, said.append) is True
    assert run.stop_file.exists()
    assert said == [
        "Training 1,200 weights for 9 steps",
        "Saving and stopping after this step. Press Ctrl-C again to leave without waiting.",
    ]
    assert ending(run, "stopped") is None


def test_a_second_ctrl_c_leaves(run, monkeypatch):
    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    said = []
    monkeypatch.setattr(time, "sleep", sleep)
    with try_lock(run.lock):
        assert follow(run, said.append) is False
    assert said[-1] == "Left one to itself; `python -m studio runs` shows how it ends."


def test_how_a_run_ended_in_words(run):
    run.log.write_text("loading\nKilled\n")
    assert follow(run, lambda line: None) is True
    assert ending(run, "interrupted") == (
        "one was interrupted: its worker was ended from outside (killed, or out of memory). "
        "Its log ends: loading | Killed"
    )
    append_event(run.events, "failed", 2.0, reason="The disk is full.")
    assert ending(run, "failed") == "one failed: The disk is full."


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            {"kind": "log", "step": 20, "steps": 100, "seconds": 10.0, "loss": 1.5, "tokens_per_s": 1234.5},
            "step 20/100  loss 1.5000  1,234 tokens/s  0:40 left",
        ),
        ({"kind": "eval", "step": 5, "loss": None}, "step 5: eval loss is not a number"),
        ({"kind": "progress", "message": "Testing", "fraction": 0.5}, "Testing (50%)"),
        ({"kind": "warning", "message": "2 rows teach nothing."}, "Warning: 2 rows teach nothing."),
        ({"kind": "failed", "reason": "x"}, ""),
    ],
)
def test_events_as_lines(event, line):
    assert describe_event(event) == line


def test_durations():
    assert [duration(seconds) for seconds in (0, 59.6, 3725)] == ["0:00", "1:00", "1:02:05"]


# finding rows and names


def test_names_of_runs_are_free(home):
    assert next_name(home, "code") == "code-1"
    for name in ("code-1", "code-7", "code-x", "code-8-2", "code"):
        home.run(name).mkdir()
    assert next_name(home, "code") == "code-8"
    assert next_name(home, "c" * 64) == "c" * 56 + "-1"


def test_a_dataset_is_found_or_imported_once(home, capitals):
    assert ensure_dataset(home, "capitals") == "capitals"
    assert [ensure_dataset(home, "complaints") for _ in range(2)] == ["complaints"] * 2
    assert sorted(info.id for info in list_datasets(home)) == ["capitals", "complaints"]
    for wrong in ("nope", "../x", "Complaints"):
        with pytest.raises(DataError, match="the datasets are 'c.*examples that can be had by name are 'complaints'"):
            ensure_dataset(home, wrong)


def test_rows_are_the_same_from_a_file_and_from_its_dataset(home, capitals, write):
    path = write("again.jsonl", lines([{"instruction": "a"}, {"output": "b", "instruction": "c"}]))
    source = open_rows(home, path)
    assert [(row.id, row.values) for row in source.rows()] == [
        (1, {"instruction": "a", "output": None}),
        (2, {"instruction": "c", "output": "b"}),
    ]
    stored, read = open_rows(home, capitals), open_rows(home, write("c.jsonl", lines(CAPITALS)))
    assert stored.mapping == read.mapping == {"instruction": "instruction", "output": "output"}
    assert [(row.id, row.values) for row in stored.rows()] == [(row.id, row.values) for row in read.rows()]
    assert stored.row(3).values == read.row(3).values == CAPITALS[3]
