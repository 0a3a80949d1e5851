"""Commands run in this process, on a HOME of the test; taken with `pytest_plugins = ["tests.cli_fixtures"]`."""

import json
from pathlib import Path

import pytest

from studio.cli import main
from studio.home import open_home
from tests.tiny import make_tiny_tokenizer

CAPITALS = [{"instruction": f"What is the capital of country {n}?", "output": f"Paris {n}"} for n in range(40)]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model folder without weights, which is enough to preview and to plan."""
    folder = make_tiny_tokenizer(tmp_path_factory.mktemp("models") / "tiny")
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    return folder


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
