"""Examples in the shapes that other programs train on: messages, Alpaca, ShareGPT, prompt and completion.

What is written is the example, as it is trained: columns are merged by their roles, all others stay behind.
"""

from collections.abc import Iterator
from pathlib import Path

from studio.data.export.chosen import ChosenRows
from studio.data.export.plain import write_array, write_lines
from studio.data.store.tables import Row
from studio.templates.example import Example, Turn, from_fields

SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}


def write_messages(chosen: ChosenRows, path: Path) -> int:
    """{"messages": [{"role", "content"}, ...]}, one a line."""
    return write_lines(path, ({"messages": list(example.turns)} for _, example in chosen.examples()))


def write_sharegpt(chosen: ChosenRows, path: Path) -> int:
    """An array of {"conversations": [{"from", "value"}, ...]}, from being system, human, gpt or tool."""
    return write_array(path, ({"conversations": speakers(example)} for _, example in chosen.examples()))


def speakers(example: Example) -> list[dict[str, str]]:
    return [{"from": SPEAKERS[turn["role"]], "value": turn["content"]} for turn in example.turns]


def write_alpaca(chosen: ChosenRows, path: Path) -> int:
    """An array of {"instruction", "input", "output"}, and "system" in every row if any row has a system prompt."""
    systems = any(example.system for _, example in single_turns(chosen))
    chosen.left_out.clear()  # they are noted again, once
    return write_array(path, (alpaca_record(example, systems) for _, example in single_turns(chosen)))


def single_turns(chosen: ChosenRows) -> Iterator[tuple[Row, Example]]:
    """Rows of one question and one answer, perhaps under a system prompt; others cannot be held and are left out."""
    for row, example in chosen.examples():
        roles = [turn["role"] for turn in example.turns]
        if roles[-2:] == ["user", "assistant"] and roles[:-2] in ([], ["system"]):
            yield row, example
        else:
            chosen.leave_out(row, "not one question and one answer: export it as messages or sharegpt")


def alpaca_record(example: Example, systems: bool) -> dict[str, str]:
    question = example.turns[-2]["content"]
    fields = {"instruction": example.instruction, "input": example.input}
    if from_fields(**fields).turns[-2]["content"] != question:  # it came as a conversation
        fields = {"instruction": question, "input": ""}
    return {**fields, "output": example.output, **({"system": example.system} if systems else {})}


def write_prompt_completion(chosen: ChosenRows, path: Path) -> int:
    """{"prompt", "completion"}, one a line: texts where all rows are a question and an answer, else lists of messages.

    Rows that do not end with an answer are left out.
    """
    plain = all([turn["role"] for turn in example.turns] == ["user", "assistant"] for _, example in answered(chosen))
    chosen.left_out.clear()  # they are noted again, once
    if not plain:
        chosen.notes.append(
            "Some rows have a system prompt or several turns, so prompt and completion are lists of messages."
        )
    pairs = ((list(example.prompt_turns), [example.turns[-1]]) for _, example in answered(chosen))
    return write_lines(path, ({"prompt": put(ask, plain), "completion": put(answer, plain)} for ask, answer in pairs))


def answered(chosen: ChosenRows) -> Iterator[tuple[Row, Example]]:
    """Rows that end with an answer."""
    for row, example in chosen.examples():
        if len(example.turns) > 1 and example.turns[-1]["role"] == "assistant":
            yield row, example
        else:
            chosen.leave_out(row, "it does not end with an answer")


def put(turns: list[Turn], plain: bool) -> str | list[Turn]:
    """The text of the one turn, or the turns."""
    return turns[0]["content"] if plain else turns
