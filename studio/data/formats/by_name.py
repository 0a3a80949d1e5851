"""Roles by whole words in the columns' names, never by parts of words: "text" inside "context" proves nothing."""

import re
from collections.abc import Mapping
from dataclasses import replace

from studio.data.formats.families import (
    ABOUT,
    LABEL_WORDS,
    ROLE_OF_WORD,
    ROLE_ORDER,
    SUMMARIZE,
    SUMMARY_WORDS,
    TEXT_WORDS,
    WEAK_LABEL_WORDS,
    WORDS,
)
from studio.data.formats.found import UNKNOWN, Found
from studio.data.formats.shapes import Shape
from studio.data.roles import ColumnRole, Options
from studio.data.roles.languages import find_language

ALIKE = 4  # texts that translate each other differ in length by less than this factor
CHOICE_WORDS = ("choices", "options")
NO_CODES = frozenset({"id", "is", "no", "it", "my", "la"})  # words rather than languages where they name a column

Shapes = Mapping[str, Shape]
Kept = dict[str, ColumnRole]


def guess_by_name(shapes: Shapes) -> Found:
    """Every column's role by its name alone; the values only rule out what cannot be."""
    translation = match_languages(shapes)
    if translation:
        return translation
    roles = {column: role_by_name(column, shape) for column, shape in shapes.items()}
    labelled = find_labels(roles, shapes)
    if labelled:
        return labelled
    summary = next((name for name, kept in roles.items() if kept.role == "output" and is_summary(name)), None)
    roles = keep_one_each(roles, shapes)
    if summary is None or any(kept.role == "instruction" for kept in roles.values()):
        return Found(UNKNOWN, promote_input(roles))
    roles = take_texts(roles, shapes)
    return Found("summary", roles, Options(instruction=SUMMARIZE))


def split_words(name: str) -> list[str]:
    """Whole words of a snake_case, camelCase or spaced name, lower case, in English where known."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.split(r"[^\w]+|_", spaced.lower())
    return [WORDS.get(word, word) for word in words if word]


def is_summary(column: str) -> bool:
    return bool(SUMMARY_WORDS & set(split_words(column)))


def role_by_name(column: str, shape: Shape) -> ColumnRole:
    """The role that a whole word of the name stands for."""
    words = split_words(column)
    if shape.kind == "truth":
        return ColumnRole("ignore", 0.6, "holds true and false")
    choice = next((word for word in words if word in CHOICE_WORDS), None)
    if choice and shape.kind in ("texts", "list", "object"):
        return ColumnRole("choices", 0.7, f"the word {choice!r} in its name, and its values are lists")
    if any(word in ABOUT for word in words):
        return ColumnRole("ignore", 0.7, "named as a detail about the text, not the text")
    for role in ROLE_ORDER:
        found = [word for word in words if ROLE_OF_WORD.get(word) == role]
        if found:
            confidence = 0.75 if len(words) == 1 else 0.65
            return ColumnRole(role, confidence, f"the word {found[0]!r} in its name")
    return ColumnRole("ignore", 0.4, "its name says nothing about its part")


def find_labels(roles: Kept, shapes: Shapes) -> Found | None:
    """A text and a column that labels it, where no column is named as the answer; None without them."""
    if any(kept.role == "output" for kept in roles.values()):
        return None
    words = {column: set(split_words(column)) for column in shapes}
    labels = [column for column, shape in shapes.items() if shape.is_label]
    strong = [column for column in labels if words[column] & LABEL_WORDS and "id" not in words[column]]
    weak = [column for column in labels if words[column] & WEAK_LABEL_WORDS and "id" not in words[column]]
    label = next(iter(strong or weak), None)
    roles = take_texts(roles, shapes)
    if label is None or not any(kept.role in ("input", "instruction") for kept in roles.values()):
        return None
    few = f"{len(shapes[label].distinct)} different values"
    kept = ColumnRole("label", 0.75 if strong else 0.5, f"named for a label, and it has {few}")
    return Found("classification", {**roles, label: kept})


def take_texts(roles: Kept, shapes: Shapes) -> Kept:
    """Columns named for a text become the input, where there is no prompt."""
    if any(kept.role in ("input", "instruction") for kept in roles.values()):
        return roles
    result = dict(roles)
    for column, shape in shapes.items():
        word = next(iter(TEXT_WORDS & set(split_words(column))), None)
        if word and roles[column].role == "ignore" and shape.kind == "text" and shape.filled > 0:
            result[column] = ColumnRole("input", 0.65, f"the word {word!r} in its name")
    return result


def match_languages(shapes: Shapes) -> Found | None:
    """Two columns named for languages, with texts of like length; None without them."""
    named = {column: column_language(column) for column in shapes if column.strip().lower() not in NO_CODES}
    texts = [column for column, language in named.items() if language and shapes[column].kind == "text"]
    if len(texts) != 2 or named[texts[0]] == named[texts[1]]:
        return None
    (source, target), lengths = texts, sorted(shapes[column].length for column in texts)
    if lengths[1] > ALIKE * max(1, lengths[0]):
        return None
    way = f"from {named[source]} to {named[target]}"
    columns = {column: ColumnRole("ignore", 0.7, "not one of the two languages") for column in shapes}
    columns[source] = ColumnRole("input", 0.5, f"taken to be translated {way}: say which way is meant")
    columns[target] = ColumnRole("output", 0.5, columns[source].reason)
    return Found("translation", columns, Options(instruction=f"Translate this text {way.replace(' to ', ' into ')}."))


def column_language(column: str) -> str | None:
    """The language in a column's name: "de", "German", "text_en"."""
    words = split_words(column)
    return find_language(column) or (find_language(words[-1]) if len(words) == 2 else None)


def keep_one_each(roles: Kept, shapes: Shapes) -> Kept:
    """One column per role: the surest, then the fullest; a second question becomes the input if there is none."""
    result = dict(roles)
    for role in ("output", "system", "instruction", "input"):
        rivals = [column for column in result if result[column].role == role]
        rivals.sort(key=lambda column: (-result[column].confidence, -shapes[column].filled))
        for column in rivals[1:]:
            free = role == "instruction" and not any(kept.role == "input" for kept in result.values())
            reason = f"{rivals[0][:80]!r} is already the {role}"
            result[column] = ColumnRole("input", 0.5, reason) if free else ColumnRole("ignore", 0.5, reason)
    return result


def promote_input(roles: Kept) -> Kept:
    """An input without an instruction asks for itself."""
    if any(kept.role == "instruction" for kept in roles.values()):
        return roles
    for column, kept in roles.items():
        if kept.role == "input":
            return roles | {column: replace(kept, role="instruction", reason=kept.reason + ", and no other prompt")}
    return roles
