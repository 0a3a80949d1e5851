"""Rows to examples: fields or conversations, whatever their roles are called in the file."""

import json
from collections.abc import Iterable, Mapping

from studio.data.files import listed
from studio.errors import DataError
from studio.templates.example import Example, Turn, from_fields, from_turns

ROLES = ("instruction", "input", "output", "system", "messages", "ignore")

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
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}


def to_example(values: Mapping[str, object], mapping: Mapping[str, str]) -> Example:
    """The training example of a row; `mapping` gives each column's role (see ROLES).

    Several columns with one role are joined with a blank line. DataError if no column is the answer, or a
    conversation cannot be read.
    """
    check_mapping(list(values), mapping)
    columns: dict[str, list[str]] = {}
    for column, role in mapping.items():
        if column in values:
            columns.setdefault(role, []).append(column)
    texts = {
        role: join_cells(values[column] for column in columns.get(role, ()))
        for role in ("instruction", "input", "output", "system")
    }
    if "messages" not in columns:
        return from_fields(texts["instruction"], texts["input"], texts["output"], texts["system"])
    parts = [read_turns(values[column]) for column in columns["messages"]]
    parts.sort(key=lambda part: part[:1] != [] and part[0]["role"] == "assistant")  # a completion comes last
    turns = [turn for part in parts for turn in part]
    if texts["system"] and not any(turn["role"] == "system" for turn in turns):
        turns.insert(0, {"role": "system", "content": texts["system"]})
    return from_turns(turns)


def check_mapping(columns: list[str], mapping: Mapping[str, str]) -> None:
    """DataError if no column holds an answer to learn."""
    if not any(mapping.get(column) in ("output", "messages") for column in columns):
        raise DataError(
            f"No column holds the answer to learn: the columns are {listed(columns)}. Say which one does: "
            "set its role to 'output' in the Data tab, or pass --map output=COLUMN."
        )


def why_untrainable(example: Example) -> str | None:
    """Why nothing could be learned from an example, in words; None if something can."""
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


def cell_text(value: object) -> str:
    """A cell as text: text as it is, nothing as "", all else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def join_cells(cells: Iterable[object]) -> str:
    return "\n\n".join(text for text in map(cell_text, cells) if text)


def read_turns(value: object) -> list[Turn]:
    """Turns from a cell: messages, ShareGPT, question-and-answer pairs, a list of texts, or JSON text of these."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            raise DataError("The conversation is text that is not valid JSON.") from None
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"A conversation must be a list of turns; found {type(value).__name__}.")
    if value and all(isinstance(turn, str) for turn in value):
        return [{"role": ("user", "assistant")[index % 2], "content": turn} for index, turn in enumerate(value)]
    return [turn for number, item in enumerate(value, 1) for turn in read_turn(item, number)]


def read_turn(item: object, number: int) -> list[Turn]:
    """One list item as turns: usually one, two for a pair of input and output."""
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
