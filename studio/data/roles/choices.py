"""Questions with choices as text: the choices lettered, and which of them the answer is."""

import json
import re
import string
from collections.abc import Iterable, Sequence

from studio.data.files import shown
from studio.data.roles import label_key
from studio.errors import DataError

LETTERS = string.ascii_uppercase
LETTERED = re.compile(r"^\(?([A-Z])[.):]\s+(?=\S)")  # "B) Paris"


def read_choices(cells: Sequence[object]) -> tuple[list[str], list[str]]:
    """(texts, keys) of a row's choices: one cell holds them all, or each of several cells holds one.

    `keys` are what the file itself calls them ("A", "1", ...), empty where it does not. DataError for other cells.
    """
    if len(cells) == 1:
        return unletter(*read_list(parse(cells[0])))
    texts = ["" if cell is None else label_key(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return unletter(texts, [])


def parse(cell: object) -> object:
    """A cell of JSON text as what it holds, as tables write it."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(cell)
        except (json.JSONDecodeError, RecursionError):
            return cell
    return cell


def read_list(cell: object) -> tuple[list[str], list[str]]:
    """Texts and keys from a list, from {"text": [...], "label": [...]}, or from {"A": ..., "B": ...}."""
    if isinstance(cell, list) and cell and all(isinstance(item, dict) and "text" in item for item in cell):
        cell = {"text": [item["text"] for item in cell], "label": [item.get("label", "") for item in cell]}
    if isinstance(cell, list) and cell and all(is_plain(item) for item in cell):
        return [label_key(item) for item in cell], []
    if isinstance(cell, dict) and isinstance(cell.get("text"), list):
        keys = cell.get("label")
        fitting = isinstance(keys, list) and len(keys) == len(cell["text"]) and all(keys)
        return [label_key(item) for item in cell["text"]], [label_key(key) for key in keys] if fitting else []
    if isinstance(cell, dict) and cell and all(is_plain(item) for item in cell.values()):
        return [label_key(item) for item in cell.values()], [str(key).strip() for key in cell]
    raise DataError("The choices must be a list of texts. Correct the cell, or give its column another role.")


def is_plain(item: object) -> bool:
    return isinstance(item, str | int | float)


def unletter(texts: list[str], keys: list[str]) -> tuple[list[str], list[str]]:
    """Without letters that the texts bring along ("A. Paris"), for they are lettered anew."""
    found = [LETTERED.match(text) for text in texts]
    if texts and all(match and match[1] == letter for match, letter in zip(found, LETTERS, strict=False)):
        return [LETTERED.sub("", text) for text in texts], keys
    return texts, keys


def find_choice(answer: object, texts: Sequence[str], keys: Sequence[str], first: int) -> int | None:
    """The place of the answer among the choices, from 0; None if it is none of them.

    An answer may be a choice's text, its key, its letter, or its number; `first` is the first one's number.
    """
    key = label_key(answer)
    number = int(key) - first if re.fullmatch(r"\d{1,3}", key) else -1
    numbered = [number] if 0 <= number < len(texts) else []
    worded = [place for place, text in enumerate(texts) if text.strip() == LETTERED.sub("", key)]
    keyed = [keys.index(key)] if key in keys else []
    bare = key.strip("().: ").upper()
    lettered = [LETTERS.index(bare)] if len(bare) == 1 and bare in LETTERS[: len(texts)] else []
    orders = (worded, keyed, lettered, numbered) if isinstance(answer, str) else (keyed, numbered, worded)
    return next((found[0] for found in orders if found), None)


def ask_with_choices(answer: object, cells: Sequence[object], first: int) -> tuple[str, str]:
    """(the choices lettered, the answer as "B. text"). DataError if the answer is none of the choices.

    Wrong answers in columns of their own (distractors) are listed with the right one by the alphabet: its place
    tells nothing.
    """
    texts, keys = read_choices(cells)
    place = find_choice(answer, texts, keys, first)
    if place is None and len(cells) > 1 and names_itself(answer):
        texts = sorted([*texts, str(answer).strip()], key=lambda text: (text.casefold(), text))
        place = texts.index(str(answer).strip())
    if place is None:
        raise DataError(
            f"The answer {shown(label_key(answer))} is none of the {len(texts)} choices. Correct the answer or the "
            "choices."
        )
    if len(texts) > len(LETTERS):
        raise DataError(f"There are {len(texts)} choices; at most {len(LETTERS)} can be lettered.")
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False)]
    return "\n".join(lines), lines[place]


def names_itself(answer: object) -> bool:
    """Whether an answer is a text of its own rather than a letter or a number."""
    return isinstance(answer, str) and not re.fullmatch(r"\s*(\(?[A-Za-z]\)?|-?\d+)\s*", answer)


def guess_first(answered: Iterable[tuple[object, int]]) -> int:
    """Whether the numbers of choices begin at 0 or at 1, from many (answer, how many choices it had)."""
    first = 0
    for answer, count in answered:
        key = label_key(answer)
        if key == "0":
            return 0
        if key == str(count):
            first = 1
    return first
