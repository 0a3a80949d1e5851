"""Tagged tokens as text: a sentence, and the entities named in it."""

import re
from collections.abc import Sequence

from studio.data.roles import label_key
from studio.errors import DataError

NO_ENTITIES = "No entities."
OUTSIDE = "O"

# Written without a space before them, after them, or between them.
CLOSING = frozenset(".,;:!?)]}%…’、。，；：！？）》」』")
OPENING = frozenset("([{$€£¿¡‘（《「『")
SHORTENED = re.compile(r"^(n['’]t|['’](s|S|re|ve|ll|d|m))$")  # the ends of "don't" and "John's"
UNSPACED = re.compile(r"^[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")  # Chinese and Japanese


def join_tokens(tokens: Sequence[str]) -> str:
    """Tokens as a sentence: punctuation and the ends of contractions stand without a space before them."""
    text, last, quoted, opened = "", "", False, False  # opened: the last token is a quotation mark that opens
    for token in tokens:
        opens = token == '"' and not quoted
        closes = token == '"' and quoted
        glued = closes or token[:1] in CLOSING or bool(SHORTENED.match(token)) or last in OPENING
        glued = glued or opened or bool(UNSPACED.match(token) and UNSPACED.match(last))
        text += token if glued or not text else f" {token}"
        quoted = opens or (quoted and not closes)
        last, opened = token, opens
    return text


def find_entities(tokens: Sequence[str], tags: Sequence[str]) -> list[tuple[str, str]]:
    """(type, text) of every entity, in order, from tags in the BIO, IOB or BIOES scheme or types alone.

    DataError if there is not one tag for each token.
    """
    if len(tokens) != len(tags):
        raise DataError(f"There are {len(tokens)} tokens and {len(tags)} tags. Each token needs one tag.")
    found: list[tuple[str, list[str]]] = []
    before = ""  # the type that the token before belongs to, if the entity may go on
    for token, tag in zip(tokens, tags, strict=True):
        mark, kind = split_tag(tag)
        if not kind:
            before = ""
            continue
        if kind == before and mark not in "BSU":
            found[-1][1].append(token)
        else:
            found.append((kind, [token]))
        before = "" if mark and mark in "ESLU" else kind
    return [(kind, join_tokens(words)) for kind, words in found]


def split_tag(tag: str) -> tuple[str, str]:
    """("B", "PER") of "B-PER"; ("I", "PER") of a type alone; ("", "") outside of any entity."""
    if tag in (OUTSIDE, "", "_"):
        return "", ""
    mark, dash, kind = tag.partition("-")
    if dash and mark in tuple("BIESLU"):
        return mark, kind
    return "I", tag


def name_tags(tags: Sequence[object], names: dict[str, str]) -> list[str] | None:
    """Tags by their names; None if they are numbers that have none."""
    keys = [label_key(tag) for tag in tags]
    if any(not isinstance(tag, str) and key not in names for tag, key in zip(tags, keys, strict=True)):
        return None
    return [names.get(key, key) for key in keys]


def list_entities(entities: Sequence[tuple[str, str]]) -> str:
    """As the model shall answer: one line each, "PER: Ada Lovelace"."""
    return "\n".join(f"{kind}: {text}" for kind, text in entities) or NO_ENTITIES
