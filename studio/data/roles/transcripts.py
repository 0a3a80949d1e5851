"""Conversations that came as one text, in the marks of some template: back to turns, without the marks.

Otherwise a template would be put around a template.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from studio.templates.example import Turn


@dataclass(frozen=True)
class Style:
    """How a family of templates marks turns: `pattern` finds the marks, its group `role` says whose turn begins."""

    name: str
    pattern: str
    roles: dict[str, str]


SPEAKERS = {"system": "system", "human": "user", "user": "user", "prompter": "user"}
SPEAKERS |= dict.fromkeys(("assistant", "gpt", "bot", "model", "ai"), "assistant")
TASKS = {"system": "system", "instruction": "user", "input": "input", "response": "assistant", "output": "assistant"}

STYLES = (
    Style("### Human:", r"###\s*(?P<role>System|Human|User|Prompter|Assistant|GPT|Bot)\s*:", SPEAKERS),
    Style(
        "### Instruction:", r"(?:^|\n)###\s*(?P<role>System|Instruction|Input|Response|Output)\s*:?[ \t]*(?=\n)", TASKS
    ),
    Style("<|im_start|>", r"<\|im_start\|>\s*(?P<role>system|user|assistant)\s*?\n", SPEAKERS),
    Style(
        "<|start_header_id|>",
        r"<\|start_header_id\|>\s*(?P<role>system|user|assistant)\s*<\|end_header_id\|>",
        SPEAKERS,
    ),
    Style("<|user|>", r"<\|(?P<role>system|user|assistant)\|>", SPEAKERS),
    Style("<start_of_turn>", r"<start_of_turn>\s*(?P<role>user|model)\b", SPEAKERS),
    Style(
        "[INST]",
        r"(?P<role>\[/?INST\]|<</?SYS>>)",
        {"[inst]": "user", "[/inst]": "assistant", "<<sys>>": "system", "<</sys>>": "user"},
    ),
    Style("Human:", r"(?:^|\n)(?P<role>Human|User|Assistant|AI|System)\s*:", SPEAKERS),
    Style("USER:", r"(?:^|\s|</s>)(?P<role>USER|ASSISTANT|SYSTEM)\s*:", SPEAKERS),
)
ENDS = "</s> <s> <|im_end|> <|end|> <|eot_id|> <end_of_turn> <|endoftext|> <|begin_of_text|> <bos> <eos>"
ALPACA_BEGINNING = "Below is an instruction that describes a task"  # a template's words, not the row's


def find_style(text: str) -> Style | None:
    """The style whose marks a text bears: a user's turn and after it an assistant's; None if it bears none."""
    for style in STYLES:
        marks = (style.roles[mark["role"].lower()] for mark in re.finditer(style.pattern, text))
        first = next((role for role in marks if role != "system"), None)
        if first == "user" and "assistant" in marks:
            return style
    return None


def read_transcript(text: str) -> list[Turn] | None:
    """The turns of a conversation in one text; None if it has no marks of turns. Space around turns is left out."""
    style = find_style(text)
    if style is None:
        return None
    turns: list[Turn] = []
    for role, content in split_marks(text, style):
        if role == "input" and turns:
            turns[-1] = {"role": "user", "content": f"{turns[-1]['content']}\n\n{content}".strip()}
        elif content or role == "assistant":
            turns.append({"role": role, "content": content})
    return turns


def split_marks(text: str, style: Style) -> Iterator[tuple[str, str]]:
    """(role, what was said) from mark to mark; what stands before the first mark speaks for the system."""
    marks = list(re.finditer(style.pattern, text))
    before = trim(text[: marks[0].start()])
    if before and not before.startswith(ALPACA_BEGINNING):
        yield "system", before
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield style.roles[mark["role"].lower()], trim(text[mark.end() : end])


def trim(text: str) -> str:
    """Without space and without special tokens at both ends."""
    ends, before = ENDS.split(), None
    while text != before:
        before, text = text, text.strip()
        for token in ends:
            text = text.removeprefix(token).removesuffix(token)
    return text
