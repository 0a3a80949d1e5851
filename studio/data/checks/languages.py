"""The language of a prompt and of its answer, and rows in which they differ without having been asked to."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from studio.data.roles.languages import BY_CODE

NO_SPEECH = {"la"}  # names, formulas and queries are taken for Latin
READ = 160
FEWEST_LETTERS = 12
SURE, CERTAIN = 0.6, 0.95
FEWEST_CERTAIN = 40
# Several written languages of one speech, which a short text does not tell apart.
KIN = ({"no", "da", "sv"}, {"hr", "bs", "sr", "sl"}, {"id", "ms"}, {"cs", "sk"}, {"pt", "gl", "es", "ca"}, {"nl", "af"})
ASKS_FOR_ANOTHER = re.compile(
    r"translat|übersetz|uebersetz|tradu[cçi]|перев[её]д|翻译|翻譯|訳|번역|vertaal|tłumacz|\blanguages?\b|\bsprache",
    re.IGNORECASE,
)
USUAL_SHARE = 0.2


def detect_language(text: str) -> tuple[str, bool]:
    """(ISO 639-1 code, or "" where it cannot be told; whether it is certain). Code and numbers have no language."""
    piece = text[:READ]
    letters = sum(map(str.isalpha, piece))
    if letters < FEWEST_LETTERS and (piece.isascii() or letters < 4):
        return "", False
    code, confidence = load_identifier().classify(piece)
    enough = letters >= FEWEST_CERTAIN or not piece.isascii()
    return (code, enough and confidence >= CERTAIN) if confidence >= SURE else ("", False)


def may_differ(prompt: str, answer_language: str) -> bool:
    """Whether a prompt asks for another language than its own."""
    name = BY_CODE.get(answer_language)
    return bool(ASKS_FOR_ANOTHER.search(prompt)) or bool(name and name.lower() in prompt.lower())


def are_kin(one: str, other: str) -> bool:
    """Whether two languages are one, or so near that they cannot be told apart safely."""
    return one == other or any({one, other} <= kin for kin in KIN)


def usual_pairs(pairs: Iterable[tuple[str, str]], rows: int) -> set[tuple[str, str]]:
    """Pairs of languages that so many rows have that they are meant: a set of translations, for example."""
    return {pair for pair, count in Counter(pairs).items() if count > USUAL_SHARE * rows}


def language_title(code: str) -> str:
    return BY_CODE.get(code, code)


@cache
def load_identifier():
    """The model, loaded once in a process (0.1 s, 100 MB)."""
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted((set(BY_CODE) - NO_SPEECH) & set(identifier.labels)))
    return identifier
