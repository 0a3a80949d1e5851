"""Rows to examples: fields or conversations, whatever their roles are called in the file."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studio.data.files import listed
from studio.data.roles import ANSWERS, ROLES, Roles, as_roles
from studio.data.roles.fields import Fields, cell_text, join_texts, read_fields, read_texts
from studio.data.roles.transcripts import read_transcript
from studio.errors import DataError
from studio.templates.example import Example, Turn, from_fields, from_turns

__all__ = ["ROLES", "Unlearnable", "cell_text", "check_mapping", "read_turns", "to_example", "why_untrainable"]

TURN_ROLES = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}


@dataclass(frozen=True)
class Unlearnable(Example):
    """An example from which nothing can be learned, for a `problem` that its turns do not show."""

    problem: str = ""


def to_example(values: Mapping[str, object], mapping: Mapping[str, str]) -> Example:
    """The training example of a row; `mapping` gives each column's role (see ROLES), and may be Roles with options.

    Several columns with one role are joined with a blank line. Fields beside a conversation are its last turns, or
    its first where they ask and the conversation answers.
    DataError if no column is the answer, or a cell does not fit its role.
    """
    roles = as_roles(mapping)
    if "tags" in roles.named or not any(column in values for column in roles.answers):
        check_mapping(values, roles)
    system = join_texts(read_texts(values, roles, "system"))
    fields = read_fields(values, roles)
    if roles.having("messages"):
        return read_conversation(values, roles, system, fields)
    example = from_fields(fields.instruction, fields.input, fields.output, system)
    if not fields.problem:
        return example
    return Unlearnable(example.turns, example.instruction, example.input, fields.problem)


def read_conversation(values: Mapping[str, object], roles: Roles, system: str, fields: Fields) -> Example:
    """The conversations of a row, one after the other, and what its other columns ask and answer."""
    parts = [read_turns(values[column]) for column in roles.having("messages") if column in values]
    parts.sort(key=lambda part: part[:1] != [] and part[0]["role"] == "assistant")  # a completion comes last
    turns = [turn for part in parts for turn in part]
    if system and not any(turn["role"] == "system" for turn in turns):
        turns.insert(0, {"role": "system", "content": system})
    asked = any(text for role in ("instruction", "input") for text in read_texts(values, roles, role))
    last = from_fields(fields.instruction, fields.input, fields.output)
    if asked and len(roles.answers) > len(roles.having("messages")):
        return Example((*from_turns(turns).turns, *last.turns), last.instruction, last.input)
    if asked:  # what is asked stands before its answer
        place = 1 if turns and turns[0]["role"] == "system" else 0
        return from_turns([*turns[:place], last.turns[0], *turns[place:]])
    return from_turns([*turns, last.turns[1]] if fields.output else turns)


def check_mapping(columns: Iterable[str], mapping: Mapping[str, str]) -> None:
    """DataError if no column holds an answer to learn, or there are tags without the tokens that they belong to."""
    found = {mapping.get(column) for column in columns}
    if "tags" in found and "tokens" not in found:
        raise DataError(
            "A column has the role 'tags', but none holds the words that they mark. Give that one the role 'tokens'."
        )
    if found & ANSWERS:
        return
    raise DataError(
        f"No column holds the answer to learn: the columns are {listed(list(columns))}. Say which one does: "
        "set its role to 'output' in the Data tab, or pass --map output=COLUMN."
    )


def why_untrainable(example: Example) -> str | None:
    """Why nothing could be learned from an example, in words; None if something can."""
    if isinstance(example, Unlearnable):
        return example.problem
    if not example.turns:
        return "the conversation is empty"
    if not any(turn["role"] == "assistant" for turn in example.turns):
        return "no assistant turn"
    if example.turns[-1]["role"] != "assistant":
        return "the last turn is not the assistant's"
    if not example.output.strip():
        return "the answer is empty"
    if not any(turn["content"].strip() for turn in example.prompt_turns if turn["role"] != "system"):
        return "the prompt is empty"
    return None


def read_turns(value: object) -> list[Turn]:
    """Turns from a cell: messages, ShareGPT, pairs of question and answer, a list of texts, one text in the marks of
    a template, or JSON text of these."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            marked = read_transcript(value)  # "[INST]" is no JSON
            if marked is None:
                raise DataError("The conversation is text that is not valid JSON.") from None
            return marked
    if isinstance(value, str):
        value = read_transcript(value) or value
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        value = unfold(value)
    if not isinstance(value, list):
        raise DataError(f"A conversation must be a list of turns; found {type(value).__name__}.")
    if value and all(isinstance(turn, str) for turn in value):
        return [{"role": ("user", "assistant")[index % 2], "content": turn} for index, turn in enumerate(value)]
    return [turn for number, item in enumerate(value, 1) for turn in read_turn(item, number)]


def unfold(columns: dict) -> object:
    """A list of turns that was stored as lists of their parts: {"from": [...], "value": [...]}; else what it was."""
    lists = [items for items in columns.values() if isinstance(items, list)]
    if not lists or len(lists) < len(columns) or len({len(items) for items in lists}) > 1:
        return columns
    return [dict(zip(columns, items, strict=True)) for items in zip(*lists, strict=True)]


def read_turn(item: object, number: int) -> list[Turn]:
    """One list item as turns: usually one, two for a pair of input and output."""
    if isinstance(item, list) and len(item) == 2 and all(isinstance(text, str) for text in item):
        return [{"role": "user", "content": item[0]}, {"role": "assistant", "content": item[1]}]
    if not isinstance(item, dict):
        raise DataError(f"Turn {number} must have a role and a content; found {type(item).__name__}.")
    if "role" not in item and "from" not in item and {"input", "output"} <= set(item):
        return [
            {"role": "user", "content": cell_text(item["input"])},
            {"role": "assistant", "content": cell_text(item["output"])},
        ]
    if item.get("tool_calls"):
        raise DataError(f"Turn {number} calls tools (tool_calls), which cannot be trained on yet.")
    name = item.get("role", item.get("from"))
    role = TURN_ROLES.get(name.lower(), name) if isinstance(name, str) else name
    return [{"role": role, "content": read_content(item.get("content", item.get("value")), number)}]


def read_content(content: object, number: int) -> str:
    """A turn's content: text, nothing, or a list of text parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        raise DataError(f"Turn {number} holds a part that is not text (an image?); only text can be trained on.")
    raise DataError(f"The content of turn {number} must be text; found {type(content).__name__}.")
