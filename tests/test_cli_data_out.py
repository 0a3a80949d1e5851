"""`data export | push | statistics` from a terminal."""

import json

import pytest

from studio.cli import main
from studio.data.store import create_dataset, open_dataset
from studio.home import open_home
from tests.push_stand_in import TOKEN, serve_push_hub
from tests.tiny import make_tiny_tokenizer

CHATS = [
    [("user", "What is the capital of France?"), ("assistant", "Paris")],
    [("user", "What is the capital of Spain?"), ("assistant", "Madrid"), ("user", "Sure?"), ("assistant", "Yes")],
    [("user", "Hi"), ("assistant", "Paris")],
]


@pytest.fixture
def home(tmp_path):
    home = open_home(tmp_path / "home")
    rows = [{"m": [{"role": role, "content": text} for role, text in chat]} for chat in CHATS]
    dataset = open_dataset(home, create_dataset(home, "chats", ["m"], rows, {"m": "messages"}, {"file": "c.jsonl"}))
    dataset.mark([3], status="discarded")
    return home


@pytest.fixture
def studio(home, capsys):
    def run(*words):
        capsys.readouterr()
        code = main([*words, "--home", str(home.path)])
        return code, *capsys.readouterr()

    return run


def test_what_an_export_leaves_out_is_said(studio, tmp_path):
    out = tmp_path / "x.json"
    code, text, _ = studio("data", "export", "chats", "--format", "alpaca", "--out", str(out))
    assert (code, text) == (
        0,
        f"Wrote 2 rows of chats to {out}.\n"
        "Left out 1 row: not one question and one answer: export it as messages or sharegpt.\n",
    )
    assert len(json.loads(out.read_text())) == 2


def test_rows_of_one_status_with_a_card(studio, tmp_path):
    out, card = tmp_path / "x.jsonl", tmp_path / "README.md"
    words = ["data", "export", "chats", "--format", "messages", "--out", str(out), "--card", str(card)]
    code, text, _ = studio(*words, "--status", "pending", "--json")
    expected = {"dataset": "chats", "rows": 2, "format": "messages", "out": str(out), "left_out": {}, "notes": []}
    assert (code, json.loads(text)) == (0, {**expected, "card": str(card)})
    assert len(out.read_text().splitlines()) == 2
    assert "2 examples for supervised fine-tuning." in card.read_text()
    _, _, err = studio("data", "export", "chats", "--format", "jsonl", "--out", "y", "--status", "gone")
    assert err == "There is no status 'gone'. The statuses are pending, draft, accepted, discarded.\n"


def test_push(studio, home, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with serve_push_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        code, text, err = studio("data", "push", "chats", "acme/chats", "--licence", "mit")
        assert (code, TOKEN in text + err) == (0, False)
        head, *rest = text.splitlines()
        assert head.startswith(f"chats is at {hub.endpoint}/datasets/acme/chats (private): ")
        assert rest == ["Left out 1 row: discarded."]
        assert b"license: mit\n" in hub.repositories["acme/chats"].files["README.md"]
        code, text, _ = studio("data", "push", "chats", "acme/open", "--public", "--json")
        document = json.loads(text)
        assert (code, document["private"], document["repo"]) == (0, False, "acme/open")
        assert sum(document["counts"].values()) == 2 and document["left_out"] == {"discarded": 1}


def test_statistics(studio, tmp_path):
    code, text, _ = studio("data", "statistics", "chats")
    assert code == 0 and text.splitlines() == [
        "chats: 3 rows",
        "                    median  95 % at most  longest  all",
        "prompt, characters  30      42            42       74",
        "answer, characters  5       5             5        13",
        "status: pending 2, discarded 1",
        "openings of the prompts: what is the capital 2",
    ]
    folder = make_tiny_tokenizer(tmp_path / "tiny")
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    document = json.loads(studio("data", "statistics", "chats", "--model", str(folder), "--json")[1])
    assert (document["rows"], document["turns"]) == (3, 4)
    assert document["answer_tokens"]["total"] > 3 and document["statuses"] == [["pending", 2], ["discarded", 1]]
