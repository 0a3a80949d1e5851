"""A row's cells as instruction, input and output, for every kind of task that is not a conversation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from studio.data.files import shown
from studio.data.roles import Roles, label_key
from studio.data.roles.choices import ask_with_choices, parse
from studio.data.roles.entities import find_entities, join_tokens, list_entities, name_tags
from studio.data.roles.languages import language_name
from studio.errors import DataError

NO_ANSWER = "The text does not say."
NO_LABEL = "-1"
TASKS = frozenset({"choices", "label", "tokens", "tags", "translation"})

Values = Mapping[str, object]


@dataclass(frozen=True)
class Fields:
    """What a row asks and answers. `problem`: why nothing can be learned from it, where that is not plain to see."""

    instruction: str
    input: str
    output: str
    problem: str = ""


@dataclass(frozen=True)
class Part:
    """What a task adds to a row's fields."""

    asked: str = ""
    answer: str = ""
    problem: str = ""


def read_fields(values: Values, roles: Roles) -> Fields:
    """The row's fields; DataError if a cell does not fit its role."""
    instruction = join_texts([roles.options.instruction, *read_texts(values, roles, "instruction")])
    asked = read_inputs(values, roles)
    if not TASKS & roles.named.keys():
        return Fields(instruction, asked, read_outputs(values, roles))
    parts = [Part(asked=asked)]
    if roles.having("tokens"):
        parts.append(read_tagged(values, roles))
    if roles.having("choices"):
        parts.append(read_chosen(values, roles))
    else:
        parts += [Part(answer=read_outputs(values, roles)), read_labels(values, roles)]
    if roles.having("translation"):
        parts.append(read_translation(values, roles))
        instruction = instruction or ask_to_translate(roles)
    return Fields(
        instruction,
        join_texts(part.asked for part in parts),
        join_texts(part.answer for part in parts),
        next((part.problem for part in parts if part.problem), ""),
    )


def cell_text(value: object) -> str:
    """A cell as text: text as it is, nothing as "", all else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def join_texts(texts) -> str:
    """Those that are not empty, with a blank line between them."""
    return "\n\n".join(text for text in texts if text)


def read_texts(values: Values, roles: Roles, role: str) -> list[str]:
    """The cells of all columns with a role, as text."""
    return [cell_text(values[column]) for column in roles.having(role) if column in values]


def read_inputs(values: Values, roles: Roles) -> str:
    """The inputs; where several texts are to be labelled, each under the name of its column."""
    texts = read_texts(values, roles, "input")
    if len(texts) < 2 or not roles.having("label") or roles.having("choices"):
        return join_texts(texts)
    columns = [column for column in roles.having("input") if column in values]
    return join_texts(f"{heading(column)}: {text}" for column, text in zip(columns, texts, strict=True) if text)


def heading(column: str) -> str:
    """ "user_review" -> "User review" """
    words = column.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def read_outputs(values: Values, roles: Roles) -> str:
    several = roles.options.several
    columns = [column for column in roles.having("output") if column in values]
    return join_texts(read_answer(values[column], column in several) for column in columns)


def read_answer(value: object, several: bool = False) -> str:
    """An answer as text; of several right ones the first, and a fixed sentence where a reading has none."""
    if isinstance(value, str) and not value.lstrip().startswith(('{"text"', '{"answer_start"')):
        return value
    found = parse(value)
    golds = gold_answers(found)
    if golds is None and several and isinstance(found, list):
        golds = found
    if golds is None:
        return cell_text(value)
    return next((cell_text(gold) for gold in golds if gold not in (None, "")), NO_ANSWER)


def gold_answers(value: object) -> list | None:
    """The right answers of a reading ({"text": [...], "answer_start": [...]}) or a quiz ({"value", "aliases"})."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("text"), list) and set(value) <= {"text", "answer_start", "answer_end"}:
        return value["text"]
    if isinstance(value.get("value"), str) and "aliases" in value:
        return [value["value"]]
    return None


def read_labels(values: Values, roles: Roles) -> Part:
    """The labels by their names; several columns of labels one a line, each with its column's name."""
    columns = [column for column in roles.having("label") if column in values]
    named = {column: name_label(values[column], roles.options.labels.get(column, {})) for column in columns}
    missing = next((column for column, name in named.items() if name is None), None)
    if missing is not None:
        return Part(problem="the label is -1, which stands for no label")
    if len(columns) < 2:
        return Part(answer=next(iter(named.values()), "") or "")
    return Part(answer="\n".join(f"{heading(column)}: {name}" for column, name in named.items() if name))


def name_label(value: object, names: Mapping[str, str]) -> str | None:
    """A label's name, or several with commas; as it stands if it has none. None for -1, unless that has a name."""
    if isinstance(value, list):
        found = [name_label(item, names) for item in value]
        return ", ".join(name for name in found if name)
    if value is None or isinstance(value, dict):
        return cell_text(value)
    key = label_key(value)
    if key in names:
        return names[key]
    return None if key == NO_LABEL else value if isinstance(value, str) else key


def read_chosen(values: Values, roles: Roles) -> Part:
    """The choices, lettered, and the right one."""
    columns = [column for column in (*roles.having("output"), *roles.having("label")) if column in values]
    answer = parse(values[columns[0]]) if columns else None
    if answer is None or answer == "":
        return Part(problem="the answer is empty")
    if label_key(answer) == NO_LABEL:
        return Part(problem="the answer is -1, which stands for no answer")
    cells = [values[column] for column in roles.having("choices") if column in values]
    return Part(*ask_with_choices(answer, cells, roles.options.first_choice))


def read_tagged(values: Values, roles: Roles) -> Part:
    """Tokens as a text, and the entities that their tags name."""
    column, tagged = roles.having("tokens")[0], roles.having("tags")
    tokens = [label_key(token) for token in read_items(values.get(column), column)]
    if not tagged:
        return Part(asked=join_tokens(tokens))
    tags = name_tags(read_items(values.get(tagged[0]), tagged[0]), roles.options.labels.get(tagged[0], {}))
    if tags is None:
        return Part(asked=join_tokens(tokens), problem="its tags are numbers without names")
    return Part(join_tokens(tokens), list_entities(find_entities(tokens, tags)) if tokens else "")


def read_items(cell: object, column: str) -> list:
    """A cell that holds a list, as JSON or as words with spaces between them."""
    found = parse(cell)
    if isinstance(found, str):
        return found.split()
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str | int) for item in found):
        raise DataError(f"{shown(column)} must hold a list of words or tags. Correct the cell, or the column's role.")
    return found


def read_translation(values: Values, roles: Roles) -> Part:
    """Both texts of a translation, in the direction that was chosen."""
    column, direction = roles.having("translation")[0], roles.options.direction
    texts = parse(values.get(column))
    if direction is None:
        return Part(problem="it is not said from which language to translate into which")
    if texts is None:
        return Part()
    if not isinstance(texts, dict):
        raise DataError(f"{shown(column)} must hold a text for each language, such as {{'de': ..., 'en': ...}}.")
    return Part(cell_text(texts.get(direction[0])), cell_text(texts.get(direction[1])))


def ask_to_translate(roles: Roles) -> str:
    if roles.options.direction is None:
        return ""
    source, target = map(language_name, roles.options.direction)
    return f"Translate this text from {source} into {target}."
