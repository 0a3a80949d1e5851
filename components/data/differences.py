"""Rows before and after a change, as HTML: what was taken away struck through, what is new underlined."""

import re
from difflib import SequenceMatcher
from html import escape

from components.data.cells import show_cell
from studio.data.store.bulk import ReplacementPreview
from studio.data.store.tables import Values

LONGEST_DIFF = 4000  # characters up to which words are compared one by one
AROUND = 60  # characters shown on both sides of a change
LONGEST_SHOWN = 600
INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufffc]")
WORDS = re.compile(r"\w+|\W")


def count_rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def render_replacement(found: ReplacementPreview) -> str:
    """Every change with its surroundings, old struck through and new underlined; the first ones of very many."""
    if not found.cells:
        return '<p class="notice muted" role="status">Nothing in these rows matches.</p>'
    head = f"{found.cells:,} cells in {count_rows(found.rows)} change"
    head += f"; the first {len(found.samples):,} are:" if found.cells > len(found.samples) else ":"
    items = "".join(
        f"<li><b class='tabular'>Row {change.row_id}</b> <i>{escape(change.column)}</i> "
        f"<span>{mark_difference(show_cell(change.before), show_cell(change.after))}</span></li>"
        for change in found.samples
    )
    return (
        f'<p class="notice" role="status">{head}</p><ul class="changes" tabindex="0" aria-label="Changes">{items}</ul>'
    )


def mark_difference(before: str, after: str) -> str:
    """What two texts differ in, with a little around it. HTML; both texts escaped."""
    start = common_length(before, after)
    end = min(common_length(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    lead, tail = "…" if start > AROUND else "", "…" if end > AROUND else ""
    left, right = before[max(0, start - AROUND) : start], before[len(before) - end :][:AROUND]
    return f"{lead}{escape(left)}{mark_words(old, new)}{escape(right)}{tail}"


def mark_words(old: str, new: str) -> str:
    """Word by word where that is quick, else the old text and the new one as a whole."""
    if len(old) + len(new) > LONGEST_DIFF:
        return mark_pair(clip(old), clip(new))
    ours, theirs = WORDS.findall(old), WORDS.findall(new)
    pieces = []
    for kind, i, j, k, m in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        was, becomes = "".join(ours[i:j]), "".join(theirs[k:m])
        pieces.append(escape(was) if kind == "equal" else mark_pair(was, becomes))
    return "".join(pieces)


def name_code(match: re.Match) -> str:
    """ "‹U+200B›" """
    return f"‹U+{ord(match[0]):04X}›"


def mark_pair(old: str, new: str) -> str:
    """Old and new text; characters that cannot be seen by their code, because the difference may be just these."""
    old, new = INVISIBLE.sub(name_code, old), INVISIBLE.sub(name_code, new)
    return (f"<del>{escape(old)}</del>" if old else "") + (f"<ins>{escape(new)}</ins>" if new else "")


def common_length(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def clip(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def render_parts(title: str, parts: list[Values]) -> str:
    """Rows as they would be, below each other."""
    shown = []
    for number, values in enumerate(parts, 1):
        name = title if len(parts) == 1 else f"{title} {number}"
        cells = "".join(
            f"<dt>{escape(column)}</dt><dd>{escape(clip(show_cell(value)))}</dd>" for column, value in values.items()
        )
        shown.append(f"<h4>{name}</h4><dl>{cells}</dl>")
    return f'<div class="parts" tabindex="0">{"".join(shown)}</div>'
