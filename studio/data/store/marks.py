"""What people say about a row besides its cells: how far its review is, tags, a note, whether it is golden.

Marks are stored as JSON that names only what differs from the default, so an unmarked row holds '{}'.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from studio.errors import DataError

STATUSES = ("pending", "draft", "accepted", "discarded")
LONGEST_TAG = 60


@dataclass(frozen=True)
class Marks:
    """The marks of a row. A golden row is kept for testing and never trained."""

    status: str = "pending"
    tags: tuple[str, ...] = ()
    note: str = ""
    golden: bool = False

    def for_copy(self) -> "Marks":
        """What a copy of the row takes over: all but the approval and the note, which were about the row itself."""
        return replace(self, status="pending" if self.status == "accepted" else self.status, note="")


UNMARKED = Marks()


@dataclass(frozen=True)
class Marking:
    """A change of marks; what is None or empty here stays as it is."""

    status: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    note: str | None = None
    golden: bool | None = None

    def change(self, marks: Marks) -> Marks:
        return Marks(
            marks.status if self.status is None else self.status,
            unite(tag for tag in (*marks.tags, *self.add_tags) if tag not in self.remove_tags),
            marks.note if self.note is None else self.note,
            marks.golden if self.golden is None else self.golden,
        )

    def describe(self) -> str:
        """What is changed, for 'Undid ... of row 5.'"""
        what = {
            f"the status '{self.status}'": self.status is not None,
            "the tags": bool(self.add_tags or self.remove_tags),
            "the note": self.note is not None,
            "the golden mark": self.golden is not None,
        }
        said = [words for words, changed in what.items() if changed]
        return said[0] if len(said) == 1 else "the marks"


def make_marking(
    status: str | None,
    add_tags: Iterable[str],
    remove_tags: Iterable[str],
    note: str | None,
    golden: bool | None,
) -> Marking:
    """A checked Marking; DataError for a status there is not or a tag that cannot be one."""
    marking = Marking(status, clean_tags(add_tags), clean_tags(remove_tags), note, golden)
    check_marks(marking.change(UNMARKED))
    return marking


def check_marks(marks: Marks) -> Marks:
    """The marks with clean tags; DataError if they cannot be stored."""
    if marks.status not in STATUSES:
        raise DataError(f"There is no status {str(marks.status)[:40]!r}. The statuses are {', '.join(STATUSES)}.")
    if not isinstance(marks.note, str) or not isinstance(marks.golden, bool):
        raise DataError("A row cannot be marked so: a note must be text, and golden must be true or false.")
    check_note(marks.note)
    return replace(marks, tags=clean_tags(marks.tags))


def check_note(note: str) -> None:
    """DataError for a text that no file can hold."""
    try:
        note.encode()
    except UnicodeEncodeError:
        raise DataError("The note holds half of a character (a lone surrogate), which cannot be stored.") from None


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without surrounding space, each once; DataError for one that is empty, too long or not on one line."""
    if isinstance(tags, str):
        raise DataError(f"Tags must be a list of texts, not one text; write ({tags[:40]!r},).")
    cleaned = unite(tag.strip() if isinstance(tag, str) else "" for tag in tags)
    for tag in cleaned:
        if not tag or len(tag) > LONGEST_TAG or not tag.isprintable():
            raise DataError(
                f"{tag[:LONGEST_TAG]!r} cannot be a tag: use 1 to {LONGEST_TAG} visible characters on one line."
            )
    return cleaned


def unite(tags: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, in the order in which they came first."""
    return tuple(dict.fromkeys(tags))


def pack_marks(marks: Marks) -> str:
    """Marks as stored."""
    given = {key: value for key, value in vars(marks).items() if value != getattr(UNMARKED, key)}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def unpack_marks(text: str) -> Marks:
    if text == "{}":
        return UNMARKED
    stored = json.loads(text)
    return Marks(**{**stored, "tags": tuple(stored.get("tags", ()))})
