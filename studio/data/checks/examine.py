"""What the checks see in one row by itself, and what of it is needed to compare it with the others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING

from studio.data.checks.damage import find_damage
from studio.data.checks.keys import find_secrets
from studio.data.checks.languages import are_kin, detect_language, language_title, may_differ
from studio.data.checks.personal import find_personal
from studio.data.checks.phrases import find_stock_phrase
from studio.data.checks.placeholders import find_empty, has_prompt
from studio.data.checks.sketches import SKETCH_BYTES, Parts, normalise, sketch, take_parts
from studio.data.checks.spots import list_kinds
from studio.data.checks.structure import find_broken, find_merged, find_special
from studio.data.roles.conversations import Unlearnable, cell_text, to_example, why_untrainable
from studio.data.splits.units import SPLIT_NAMES
from studio.errors import DataError
from studio.templates.example import Example

if TYPE_CHECKING:
    import numpy as np

SIDES = {"system": "the system prompt", "user": "the prompt", "tool": "a tool's turn", "assistant": "an earlier answer"}
LONGEST_LABEL = 60

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Examined:
    """One row as the checks see it. Keys are 64-bit digests of normalised texts; `prompt` is 0 if nothing is
    asked, `asked` is the instruction's.

    `foreign`: what to say if prompt and answer differ in their language, unless most rows do. `label`: the answer
    where it is short and on one line. `split`: the split that a cell names.
    """

    faults: tuple[Fault, ...]
    prompt: int = 0
    answer: int = 0
    asked: int = 0
    readable: bool = False
    prompt_length: int = 0
    answer_length: int = 0
    prompt_language: str = ""
    answer_language: str = ""
    foreign: str = ""
    label: str = ""
    split: str = ""
    sketch: bytes = bytes(SKETCH_BYTES)


def examine(values: Mapping[str, object], mapping: Mapping[str, str], common: "np.ndarray") -> Examined:
    """Look at one row; `common`: the runs of common phrases, as from `find_common`."""
    try:
        example = to_example(values, mapping)
    except DataError as error:
        return Examined((("unreadable", str(error)),))
    if not example.turns or isinstance(example, Unlearnable):
        return Examined((("unreadable", why_untrainable(example) or ""),))
    parts = take_parts(example)
    prompt_language, answer_language, foreign = read_languages(parts, example)
    return Examined(
        faults=merge_faults(
            find_empty(values, mapping, example),
            find_faults(example, prompt_language, answer_language),
            faults_of_answer(example, parts),
        ),
        prompt=digest(prompt_text(example)) if has_prompt(example) else 0,
        answer=digest(example.output),
        asked=digest(example.instruction),
        readable=True,
        prompt_length=len(parts.prompt),
        answer_length=len(parts.answer),
        prompt_language=prompt_language,
        answer_language=answer_language,
        foreign=foreign,
        label=read_label(example.output),
        split=read_split(values, mapping),
        sketch=sketch(parts, common),
    )


def merge_faults(*parts: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each check once, with all that it found."""
    found: dict[str, list[str]] = {}
    for name, what in chain(*parts):
        found.setdefault(name, []).append(what)
    return tuple((name, "; ".join(dict.fromkeys(whats))) for name, whats in found.items())


def find_faults(example: Example, prompt_language: str, answer_language: str) -> Iterator[Fault]:
    """The checks that look at texts, whichever turn they stand in."""
    answered = example.turns[-1]["role"] == "assistant"
    for number, turn in enumerate(example.turns, 1):
        is_answer = answered and number == len(example.turns)
        side = "the answer" if is_answer else SIDES[turn["role"]]
        language = answer_language if is_answer else prompt_language
        for name, what in faults_of_text(turn["content"], language):
            yield name, f"{what} in {side}"


def faults_of_text(text: str, language: str) -> Iterator[Fault]:
    """What a text shows whichever side it stands on."""
    for name, spots in (("personal_data", find_personal(text, language)), ("secrets", find_secrets(text))):
        if spots:
            yield name, list_kinds(spots)
    damage, broken, special = find_damage(text), find_broken(text), find_special(text)
    for name, whats in (("encoding", damage), ("structure", broken), ("special_tokens", special)):
        if whats:
            yield name, ", ".join(whats)


def faults_of_answer(example: Example, parts: Parts) -> Iterator[Fault]:
    phrase = find_stock_phrase(example.output)
    if phrase:
        yield "boilerplate", phrase
    merged = find_merged(example.output)
    if merged:
        yield "structure", merged
    if parts.answer and parts.answer in (parts.asked, parts.prompt):
        yield "structure", "the answer repeats the prompt"


def read_languages(parts: Parts, example: Example) -> tuple[str, str, str]:
    """The languages of prompt and answer, and what to say where they differ unasked."""
    users = [turn["content"] for turn in example.prompt_turns if turn["role"] == "user"]
    prompt = users[-1] if users else parts.prompt
    (asked, asked_sure), (answered, answer_sure) = detect_language(prompt), detect_language(example.output)
    if not (asked_sure and answer_sure) or are_kin(asked, answered):
        return asked, answered, ""
    everything = "\n".join(turn["content"] for turn in example.prompt_turns)
    if may_differ(everything, answered):
        return asked, answered, ""
    return asked, answered, f"asked in {language_title(asked)}, answered in {language_title(answered)}"


def read_label(answer: str) -> str:
    """The answer as it is written, if it may be a label."""
    text = answer.strip()
    return answer if text and len(answer) <= LONGEST_LABEL and "\n" not in answer else ""


def read_split(values: Mapping[str, object], mapping: Mapping[str, str]) -> str:
    """The split that the row's own cell names, if a column does: train, eval or test."""
    cells = [normalise(cell_text(values.get(column))) for column, role in mapping.items() if role == "split"]
    return next((SPLIT_NAMES[cell] for cell in cells if cell in SPLIT_NAMES), "")


def prompt_text(example: Example) -> str:
    """What makes two prompts the same: all before the answer, the system prompt too."""
    return "\x1f".join(f"{turn['role']}:{normalise(turn['content'])}" for turn in example.prompt_turns)


def digest(text: str) -> int:
    """64 bits of the normalised text, signed as SQLite keeps them, never 0."""
    data = blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(data, signed=True) or 1
