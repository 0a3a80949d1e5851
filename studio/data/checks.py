"""Checks of a dataset's quality: each names the rows it found and changes nothing."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from studio.data.conversations import cell_text, check_mapping, to_example
from studio.data.tables import Row
from studio.errors import DataError
from studio.templates.example import Example

# Whole cells that stand for "nothing", normalised. An input is left out lightly; an answer "none" may be meant.
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

CHECKS = (
    "unreadable",
    "empty_answer",
    "empty_prompt",
    "placeholder_input",
    "placeholder_output",
    "duplicate_rows",
    "conflicting_answers",
)


def check_rows(rows: Iterable[Row], mapping: Mapping[str, str]) -> dict[str, list[int]]:
    """The ids of the rows that each of CHECKS finds, in the order of the rows.

    `duplicate_rows` lists the later copies, `conflicting_answers` all rows that share a prompt and differ in the
    answer. Texts are compared after NFKC, case folding and collapsing spaces. DataError if no column is the answer.
    """
    check_mapping(list(mapping), mapping)
    found: dict[str, list[int]] = {name: [] for name in CHECKS}
    seen: set[bytes] = set()
    answers: dict[bytes, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        try:
            example = to_example(row.values, mapping)
        except DataError:
            found["unreadable"].append(row.id)
            continue
        for name in faults_of(row, example, mapping):
            found[name].append(row.id)
        prompt, answer = digest(prompt_text(example)), digest(example.output)
        if prompt + answer in seen:
            found["duplicate_rows"].append(row.id)
        seen.add(prompt + answer)
        answers[prompt][answer].append(row.id)
    conflicts = [group for group in answers.values() if len(group) > 1]
    found["conflicting_answers"] = sorted_as_seen(conflicts)
    return found


def faults_of(row: Row, example: Example, mapping: Mapping[str, str]) -> list[str]:
    """The checks that a row fails by itself."""
    faults = []
    if not example.output.strip():
        faults.append("empty_answer")
    if not any(turn["content"].strip() for turn in example.prompt_turns if turn["role"] != "system"):
        faults.append("empty_prompt")
    for role, marks in PLACEHOLDERS.items():
        cells = [cell_text(row.values.get(column)) for column, its in mapping.items() if its == role]
        if any(normalise(cell).rstrip(".") in marks or normalise(cell) in marks for cell in cells if cell):
            faults.append(f"placeholder_{role}")
    return faults


def sorted_as_seen(groups: list[dict[bytes, list[int]]]) -> list[int]:
    """Row ids, group after group: rows that contradict each other stand together."""
    return [row_id for group in groups for ids in group.values() for row_id in ids]


def normalise(text: str) -> str:
    """For comparison: NFKC, case folded, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def prompt_text(example: Example) -> str:
    return "\x1f".join(f"{turn['role']}:{turn['content']}" for turn in example.prompt_turns)


def digest(text: str) -> bytes:
    return blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
