"""Families that the values themselves prove: conversations, tagged tokens, translations, and templated texts."""

import re
from collections.abc import Mapping, Sequence

from studio.data.formats.families import CHOSEN, CONLL_TAGS, CONVERSATIONS, TAGGED
from studio.data.formats.found import Found
from studio.data.formats.shapes import Shape, Values
from studio.data.roles import ColumnRole, Options, label_key
from studio.data.roles.languages import language_name
from studio.data.roles.transcripts import find_style

MOST = 0.9  # of the values must agree
TURNS = ("messages", "sharegpt", "messages text")
TALKS = ("conversation", "conversations", "dialog", "dialogue", "messages", "chat", "turns")
TRIED_TEXTS = 50
MOST_TAGS = 200
ENTITY_WORDS = frozenset({"ner", "entities", "entity", "bio", "iob"})  # before any other tags
TAG_WORDS = ENTITY_WORDS | {"tag", "tags", "label", "labels"}
NO_TOKENS = frozenset({"choices", "options", "answers", "endings"})
NO_ENTITY_TAGS = frozenset({"pos", "upos", "xpos", "chunk", "dep", "deprel", "head", "heads", "lemma", "lemmas"})
BIO = re.compile(r"^(O|[BIESLU]-.+)$")

Shapes = Mapping[str, Shape]


def match_conversation(shapes: Shapes) -> Found | None:
    """A file in which the values of a column are conversations, else None."""
    named = {column.strip().lower(): column for column in shapes}
    turns = [column for column, shape in shapes.items() if shape.share >= MOST and shape.kind in TURNS]
    # Lists of texts, or of inputs and outputs, are a conversation only where the column says so: they may as well be
    # tags, or what a program is tested with.
    turns += [named[name] for name in TALKS if name in named and shapes[named[name]].kind in ("texts", "pairs")]
    if not turns:
        return None
    kind = shapes[turns[0]].kind
    family = "sharegpt" if kind == "sharegpt" else "messages"
    if {"chosen", "rejected"} <= set(named) and named["chosen"] in turns:
        family = "preference"
    return Found(family, give_turns(shapes, choose_conversations(turns, shapes), named))


def give_turns(shapes: Shapes, chosen: Sequence[str], named: Mapping[str, str]) -> dict[str, ColumnRole]:
    """The roles where these columns are the conversation."""
    answer_only = bool(chosen) and all(starts_with_answer(shapes[column]) for column in chosen)
    mapping = {}
    for column, shape in shapes.items():
        name = column.strip().lower()
        if column in chosen:
            note = f"; {CHOSEN[name]}" if name in CHOSEN and "rejected" in named else ""
            reason = f"{shape.share:.0%} of the values are conversations ({shape.kind}){note}"
            mapping[column] = ColumnRole("messages", round(shape.share, 2), reason)
        elif shape.kind == "text" and name in ("system", "system_prompt"):
            mapping[column] = ColumnRole("system", 0.9, "named for the system prompt beside a conversation")
        elif shape.kind == "text" and name in ("prompt", "instruction") and answer_only:
            mapping[column] = ColumnRole("instruction", 0.9, "the conversation holds answers alone, this the prompt")
        else:
            mapping[column] = ColumnRole("ignore", 0.8, "the conversation is in another column")
    return mapping


def choose_conversations(turns: Sequence[str], shapes: Shapes) -> list[str]:
    """The columns to read one after the other: a prompt and its answer belong together, others repeat each other."""
    named = {column.strip().lower(): column for column in turns}
    for answer in ("completion", "chosen"):
        if {"prompt", answer} <= set(named) and starts_with_answer(shapes[named[answer]]):
            return [named["prompt"], named[answer]]
    best = next((named[name] for name in CONVERSATIONS if name in named), turns[0])
    return [best]


def starts_with_answer(shape: Shape) -> bool:
    """Whether conversations begin with the assistant, as where they stand beside their prompt."""
    firsts = [value[0] for value in shape.values if isinstance(value, list) and value]
    speakers = [first.get("role", first.get("from")) for first in firsts if isinstance(first, dict)]
    return bool(speakers) and sum(name in ("assistant", "gpt") for name in speakers) >= MOST * len(speakers)


def match_entities(shapes: Shapes, rows: Sequence[Values]) -> Found | None:
    """A file of tokens with a tag for each, else None."""
    lists = [column for column, shape in shapes.items() if shape.share >= MOST and shape.kind in ("texts", "numbers")]
    pairs = [
        (tokens, tags)
        for tags in sorted(lists, key=tag_order)
        for tokens in lists
        if tokens != tags and are_tokens(shapes[tokens], tokens) and are_tags(shapes[tags], tags)
        if same_lengths(tokens, tags, rows)
    ]
    if not pairs:
        return None
    tokens, tags = pairs[0]
    mapping = {column: ColumnRole("ignore", 0.8, "neither the tokens nor their tags") for column in shapes}
    mapping[tokens] = ColumnRole("tokens", 0.95, f"lists of words, as many as {tags!r} has tags")
    names = {}
    if shapes[tags].kind == "texts":
        kept = ColumnRole("tags", 0.95, f"a tag for each word: {', '.join(shapes[tags].distinct[:9])}")
    elif is_conll(shapes, tags):
        kept = ColumnRole("tags", 0.8, "numbered as in CoNLL 2003, whose columns these are")
        names = {tags: {str(number): name for number, name in enumerate(CONLL_TAGS)}}
    else:
        kept = ColumnRole("tags", 0.6, "a number for each word: say what each number means")
    return Found("entities", {**mapping, tags: kept}, Options(labels=names))


def tag_order(column: str) -> tuple[bool, str]:
    """Columns named for entities first."""
    return not words_of(column) & ENTITY_WORDS, column


def words_of(column: str) -> set[str]:
    return set(re.split(r"[\W_]+", column.lower()))


def are_tokens(shape: Shape, column: str) -> bool:
    """Whether the lists may be the words of texts."""
    return shape.kind == "texts" and not words_of(column) & NO_TOKENS and not are_tags(shape, column)


def are_tags(shape: Shape, column: str) -> bool:
    """Whether the items of the lists are tags of entities: numbers, or BIO marks, or types with "O" for none."""
    if words_of(column) & NO_ENTITY_TAGS or len(shape.distinct) > MOST_TAGS:
        return False
    if shape.kind == "numbers":  # which tell nothing by themselves
        return bool(words_of(column) & TAG_WORDS)
    return "O" in shape.distinct or all(map(BIO.match, shape.distinct))


def same_lengths(one: str, other: str, rows: Sequence[Values]) -> bool:
    """Whether the lists of two columns are as long as each other, in nearly all rows."""
    both = [(row.get(one), row.get(other)) for row in rows]
    lengths = [(len(a), len(b)) for a, b in both if isinstance(a, list) and isinstance(b, list)]
    return bool(lengths) and sum(a == b for a, b in lengths) >= 0.95 * len(lengths)


def is_conll(shapes: Shapes, tags: str) -> bool:
    """Whether the columns, and the numbers in `tags`, are those of CoNLL 2003."""
    numbers = {label_key(number) for number in range(len(CONLL_TAGS))}
    return set(TAGGED.required) <= set(shapes) and tags in TAGGED.labels and set(shapes[tags].distinct) <= numbers


def match_translation(shapes: Shapes) -> Found | None:
    """A file with a column of texts by language, else None. The direction is the order in which they stand."""
    column = next((name for name, s in shapes.items() if s.kind == "translation" and s.share >= MOST), None)
    if column is None:
        return None
    keys = list(dict.fromkeys(key for value in shapes[column].values if isinstance(value, dict) for key in value))
    source, target = keys[:2]
    reason = f"texts in {len(keys)} languages; taken to go from {language_name(source)} to {language_name(target)}"
    mapping = {name: ColumnRole("ignore", 0.8, "the texts are in another column") for name in shapes}
    mapping[column] = ColumnRole("translation", 0.5, f"{reason}: say which way is meant")
    return Found("translation", mapping, Options(direction=(source, target)))


def match_transcript(shapes: Shapes) -> Found | None:
    """A file whose conversations are one text each, in the marks of a template, else None."""
    for column, shape in shapes.items():
        texts = [value for value in shape.values[:TRIED_TEXTS] if isinstance(value, str)]
        styles = [style.name for style in map(find_style, texts) if style]
        if shape.kind != "text" or len(styles) < MOST * max(1, len(texts)):
            continue
        share = len(styles) / len(texts)
        preferred = column.strip().lower() == "chosen" and "rejected" in {name.strip().lower() for name in shapes}
        note = f"; {CHOSEN['chosen']}" if preferred else ""
        reason = f"{share:.0%} of the texts have the marks of turns ({styles[0]}), which are taken off again{note}"
        mapping = {name: ColumnRole("ignore", 0.8, "the conversation is in another column") for name in shapes}
        mapping[column] = ColumnRole("messages", round(0.9 * share, 2), reason)
        return Found("preference" if preferred else "one string", mapping)
    return None
