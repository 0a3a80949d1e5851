"""Characters that something went wrong with: garbled, lost, invisible, or written as codes of HTML."""

import html
import re
from functools import cache

LOST = "\ufffd"
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Zero-width characters, soft hyphens, marks that turn the reading direction, and letters that only programs see.
# Joiners are a part of emoji and of some scripts, and Thai and its neighbours divide words with U+200B.
INVISIBLE = re.compile(
    r"[\u2060\ufeff\u00ad\u202a-\u202e\u2066-\u2069]|[\U000e0001\U000e0020-\U000e007f]+"
    r"|(?<=[A-Za-z])[\u200c\u200d]+(?=[A-Za-z])"
)
ZERO_WIDTH_SPACE = "\u200b"
DIVIDED_BY_IT = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")
ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[A-Za-z][A-Za-z0-9]{1,20});")


def find_damage(text: str) -> list[str]:
    """What is wrong, in words."""
    if text.isascii() and not CONTROL.search(text) and "&" not in text:
        return []
    kinds = {
        "letters garbled by a wrong encoding": ungarble(text) != text,
        "lost characters (\ufffd)": LOST in text,
        "control characters": bool(CONTROL.search(text)),
        "invisible characters": remove_invisible(text) != text,
        "HTML codes": unescape(text) != text,
    }
    return [kind for kind, there in kinds.items() if there]


def repair_damage(text: str) -> str:
    """The text as it was meant; lost characters stay, since nobody knows which they were."""
    text = unescape(remove_invisible(ungarble(text)))
    return CONTROL.sub("", ESCAPES.sub("", text))


def ungarble(text: str) -> str:
    """Mojibake undone: 'schÃ¶n' becomes 'schön'."""
    if text.isascii():
        return text
    import ftfy
    from ftfy.badness import is_bad

    return ftfy.fix_encoding(text, load_config()) if is_bad(text) else text


@cache
def load_config():
    """Only wrong encodings are undone: quotes, ligatures and wide letters are the author's business."""
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
    )


def remove_invisible(text: str) -> str:
    if text.isascii():
        return text
    flags = FLAG.findall(text)  # the flags of Scotland and Wales are made of the same letters
    for place, flag in enumerate(flags):
        text = text.replace(flag, f"\ue010{place}\ue011", 1)
    text = INVISIBLE.sub("", text)
    if not DIVIDED_BY_IT.search(text):
        text = text.replace(ZERO_WIDTH_SPACE, "")
    for place, flag in enumerate(flags):
        text = text.replace(f"\ue010{place}\ue011", flag, 1)
    return text


def unescape(text: str) -> str:
    """Codes such as &amp; as characters; a text with tags is HTML, in which they belong."""
    if "<" in text or "&" not in text:
        return text
    return ENTITY.sub(lambda found: html.unescape(found[0]), text)
