"""Exports for other programs: what is read back is trained as what went out, and what a format cannot hold is said."""

import json

import pytest

from studio.data.export import EXTENSIONS, export_dataset
from studio.data.formats import detect
from studio.data.reading import read_file
from studio.data.roles import Roles
from studio.data.roles.conversations import to_example
from studio.data.store import create_dataset, open_dataset
from studio.home import open_home

ALPACA = [
    {"instruction": "Add the numbers.", "input": "2, 3", "output": "5", "kind": "sum"},
    {"instruction": "Name a colour.", "input": "", "output": " Red\n", "kind": "fact"},
    {"instruction": "", "input": "What is 10 % of 50?", "output": "=5", "kind": "sum"},
]
ALPACA_ROLES = {"instruction": "instruction", "input": "input", "output": "output"}
SYSTEM = {"role": "system", "content": "Be brief."}
USER, ANSWER = {"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}
MORE = [{"role": "user", "content": "And 'NA'?"}, {"role": "assistant", "content": "NA"}]
TOOL = [USER, {"role": "assistant", "content": "look(1)"}, {"role": "tool", "content": "7"}, ANSWER]
CHATS = [{"messages": [SYSTEM, USER, ANSWER]}, {"messages": [USER, ANSWER, *MORE]}, {"messages": TOOL}]
CHAT_ROLES = {"messages": "messages"}
SETS = {
    "alpaca": (ALPACA, ALPACA_ROLES),
    "chats": (CHATS, CHAT_ROLES),
    "system": ([*CHATS[:1], {"messages": [USER, ANSWER]}], CHAT_ROLES),
}


@pytest.fixture
def export(tmp_path):
    """What an export of these rows returned, its file, and the turns of each example that went in."""

    def export(format, records, roles):
        home = open_home(tmp_path / "home")
        dataset = open_dataset(home, create_dataset(home, "x", list(records[0]), records, roles, {}))
        out = tmp_path / f"x.{EXTENSIONS.get(format, format)}"
        exported = export_dataset(dataset, format, out)
        return exported, out, [to_example(row.values, dataset.mapping).turns for row in dataset.rows()]

    return export


def read_turns(path):
    """Each row of a file as it would be trained after an import that asks nothing."""
    parsed = read_file(path)
    roles = detect(parsed.columns, parsed.rows).roles
    return [to_example({name: row.get(name) for name in parsed.columns}, roles).turns for row in parsed.rows]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("format", ["messages", "sharegpt", "prompt-completion"])
def test_every_turn_comes_back(export, format, name):
    exported, out, turns = export(format, *SETS[name])
    assert read_turns(out) == turns and exported.rows == len(turns) > 1
    assert exported.left_out == {}


@pytest.mark.parametrize("name", ["alpaca", "system"])
def test_alpaca_brings_question_and_answer_back(export, name):
    exported, out, turns = export("alpaca", *SETS[name])
    assert read_turns(out) == turns and exported.rows == len(turns)


def test_the_shapes_are_those_that_others_read(export, tmp_path):
    _, out, _ = export("messages", CHATS, CHAT_ROLES)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == CHATS[0] and len(lines) == 3


def test_sharegpt_speaks_of_humans(export):
    _, out, _ = export("sharegpt", CHATS, CHAT_ROLES)
    [first, _, tool] = json.loads(out.read_text(encoding="utf-8"))
    assert first == {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Hi!"},
            {"from": "gpt", "value": "Hello."},
        ]
    }
    assert [turn["from"] for turn in tool["conversations"]] == ["human", "gpt", "tool", "gpt"]


def test_alpaca_keeps_instruction_and_input_apart(export):
    _, out, _ = export("alpaca", ALPACA, ALPACA_ROLES)
    fields = ("instruction", "input", "output")
    assert json.loads(out.read_text(encoding="utf-8")) == [{name: row[name] for name in fields} for row in ALPACA]


def test_alpaca_leaves_out_what_it_cannot_hold(export):
    exported, out, _ = export("alpaca", CHATS, CHAT_ROLES)
    assert json.loads(out.read_text(encoding="utf-8")) == [
        {"instruction": "Hi!", "input": "", "output": "Hello.", "system": "Be brief."}
    ]
    assert exported.rows == 1
    assert exported.left_out == {"not one question and one answer: export it as messages or sharegpt": [2, 3]}


def test_prompt_and_completion_are_texts_where_they_can_be(export):
    exported, out, _ = export("prompt-completion", ALPACA, ALPACA_ROLES)
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0]) == {
        "prompt": "Add the numbers.\n\n2, 3",
        "completion": "5",
    }
    assert exported.notes == []


def test_prompt_and_completion_are_messages_where_they_must_be(export):
    exported, out, _ = export("prompt-completion", [*CHATS, {"messages": [USER]}, {"messages": []}], CHAT_ROLES)
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0]) == {
        "prompt": [SYSTEM, USER],
        "completion": [ANSWER],
    }
    assert exported.notes == [
        "Some rows have a system prompt or several turns, so prompt and completion are lists of messages."
    ]
    assert exported.left_out == {"it does not end with an answer": [4, 5]}


def test_rows_that_are_no_example_are_left_out_once_with_the_reason(export):
    records = [{"text": "Good.", "label": 1}, {"text": "Bad.", "label": -1}]
    roles = Roles({"text": "input", "label": "label"}).change(labels={"label": {"0": "bad", "1": "good"}})
    exported, out, _ = export("messages", records, roles)
    assert exported.rows == 1 and [*exported.left_out.values()] == [[2]]
    assert "good" in out.read_text(encoding="utf-8")


def test_unreadable_conversations_are_counted_together(export, tmp_path):
    home = open_home(tmp_path / "other")
    called = {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}
    records = [{"messages": [USER, called]}, {"messages": [USER, ANSWER, called]}, {"messages": [USER, ANSWER]}]
    dataset = open_dataset(home, create_dataset(home, "x", ["messages"], records, CHAT_ROLES, {}))
    exported = export_dataset(dataset, "sharegpt", tmp_path / "x.json")
    assert exported.rows == 1
    assert [*exported.left_out.values()] == [[1, 2]]
