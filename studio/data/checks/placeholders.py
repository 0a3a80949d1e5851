"""Cells that are empty, or hold a word that stands for nothing."""

from collections.abc import Iterator, Mapping

from studio.data.checks.sketches import normalise
from studio.data.roles.conversations import cell_text
from studio.templates.example import Example

# Whole cells, normalised. An input is left out lightly; an answer "none" may be meant.
EMPTY_MARKS = frozenset(
    {"n/a", "n.a.", "na", "nan", "null", "nil", "undefined", "<none>", "[none]", "(none)", "<null>", "-", "--"}
    | {"...", "not applicable", "not available", "todo", "tbd", "#n/a", "#ref!", "#value!", "empty", "<empty>"}
)
PLACEHOLDERS = {
    "input": EMPTY_MARKS
    | {"none", "no input", "noinput", "<noinput>", "<no input>", "[no input]", "(no input)", "no-input"}
    | {"no_input", "input: none", "no context", "no additional input", "no input required", "no input needed"}
    | {"no input provided", "nil input", "input not applicable", "not required", "not needed", "n/a (no input)"},
    "output": EMPTY_MARKS | {"none", "no output", "nooutput", "<nooutput>", "<no output>", "no response"},
}


def is_placeholder(text: str, role: str) -> bool:
    """Whether a whole cell of the role "input" or "output" says that there is nothing."""
    plain = normalise(text)
    return plain in PLACEHOLDERS[role] or plain.rstrip(".") in PLACEHOLDERS[role]


def find_empty(values: Mapping[str, object], mapping: Mapping[str, str], example: Example) -> Iterator[tuple[str, str]]:
    """(check, what was found) for empty sides and placeholders."""
    if not example.output.strip():
        yield "empty_answer", "the answer is empty"
    if not has_prompt(example):
        yield "empty_prompt", "the prompt is empty"
    for role in PLACEHOLDERS:
        cells = [cell_text(values.get(column)) for column, its in mapping.items() if its == role]
        if role == "output" and "messages" in mapping.values():
            cells.append(example.output)
        found = [cell for cell in cells if cell and is_placeholder(cell, role)]
        if found:
            yield f"placeholder_{role}", f"it says '{found[0].strip()[:40]}'"


def has_prompt(example: Example) -> bool:
    """Whether anything is asked; a system prompt asks nothing."""
    return any(turn["content"].strip() for turn in example.prompt_turns if turn["role"] != "system")
