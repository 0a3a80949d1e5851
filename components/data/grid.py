"""The table of rows as HTML: rows carry the store's ids. Every value is escaped here, once."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from studio.data.formats import ColumnRole
from studio.data.roles import ROLES
from studio.data.roles.conversations import cell_text
from studio.data.store.tables import Row
from studio.data.view import Query
from studio.errors import DataError

SCRIPT = Path(__file__).with_name("grid.js")

SIZES = (25, 50, 100)
MOST_COLUMNS = 16
LONGEST_CELL = 1500  # a longer one is edited in the form
UNSURE = 0.6
STATUS_SIGNS = {"pending": "○", "draft": "◐", "accepted": "✓", "discarded": "✕"}
SORTS = {"id": "id", "status": "the status"}
# Orders without a header of their own.
ORDERS = {
    "": "the dataset's order",
    "prompt_length": "prompt length",
    "answer_length": "answer length",
    "tokens": "tokens",
    "changed": "last change",
}


@dataclass(frozen=True)
class View:
    """Which rows of a dataset the grid shows, in which order, and which page of them."""

    offset: int = 0
    size: int = 50
    query: Query = field(default_factory=Query)

    def pages(self, total: int) -> int:
        return max(1, -(-total // self.size))

    @property
    def page(self) -> int:
        """From 1."""
        return self.offset // self.size + 1

    def around(self, position: int) -> "View":
        """The page that holds the row at a position (from 0)."""
        return replace(self, offset=max(0, position) // self.size * self.size)

    def within(self, total: int) -> "View":
        """This view, or the last page there is."""
        return self.around(min(self.offset, max(0, total - 1)))

    def to_json(self) -> dict:
        return {"offset": self.offset, "size": self.size, "query": self.query.to_json()}


def read_view(values: object, search: str | None = None) -> View:
    """A view from what the page says, which may be anything. `search` replaces the query's own."""
    values = values if isinstance(values, dict) else {}
    size, offset = values.get("size"), values.get("offset")
    size = size if size in SIZES else SIZES[1]
    offset = min(offset, 2**40) if isinstance(offset, int) and not isinstance(offset, bool) else 0
    try:
        query = Query.from_json(values.get("query") or {})
    except DataError:  # kept by a browser since another version of the studio
        query = Query()
    if search is not None:
        query = replace(query, search=search)
    return View(max(0, offset) // size * size, size, query)


@dataclass(frozen=True)
class GridPage:
    """What one drawing of the grid shows. `move`: whether the page shall take over `selected`."""

    name: str
    roles: Mapping[str, ColumnRole]
    rows: list[Row]
    total: int
    view: View = field(default_factory=View)
    selected: int | None = None
    move: bool = False
    saved: str = ""
    read_only: bool = False
    dataset: str = ""
    found: Mapping[int, list[str]] = field(default_factory=dict)
    """Row id -> titles of the checks that found it"""
    ready: bool = True
    """Whether all filters and orders are known already (studio/data/view)"""

    @property
    def waiting(self) -> bool:
        """Whether the rows asked for are not known yet."""
        query = self.view.query
        return not self.ready and (query.filtered or bool(query.sort))


def render_grid(page: GridPage) -> str:
    """The table with its roles, and the pager below it."""
    columns = list(page.roles)[:MOST_COLUMNS]
    head = "".join(render_header(number, name, page) for number, name in enumerate(columns))
    body = "".join(render_row(number, row, columns, page) for number, row in enumerate(page.rows))
    if not page.rows:
        body = render_no_rows(page, len(columns))
    left_out = len(page.roles) - len(columns)
    more = f'<p class="muted">{left_out} more columns are kept and not shown here.</p>' if left_out else ""
    return (
        f'<div class="grid" {render_state(page)}><div class="grid-scroll">'
        f'<table role="grid" aria-label="Rows of {escape(page.name)}" aria-rowcount="{page.total}">'
        f"<thead><tr>{render_corner(page)}{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
        f"{render_pager(page)}</div>"
    )


def render_state(page: GridPage) -> str:
    """What grid.js needs to know. `data-move` is new whenever the page shall take over the selection."""
    move = str(time.monotonic_ns()) if page.move else ""
    selected = "" if page.selected is None else page.selected
    return (
        f'data-selected="{selected}" data-move="{move}" data-saved="{escape(page.saved)}" '
        f'data-offset="{page.view.offset}" data-size="{page.view.size}" data-total="{page.total}" '
        f'data-editable="{"" if page.read_only else "yes"}" data-key="{escape(which_rows(page))}"'
        f"{' data-waiting' if page.waiting else ''}"
    )


def which_rows(page: GridPage) -> str:
    """Dataset and filters in one text: it differs where other rows could come into view."""
    return f"{page.dataset}:{json.dumps(replace(page.view.query, sort='', descending=False).to_json(), sort_keys=True)}"


def render_corner(page: GridPage) -> str:
    """The headers of what every row has: the box to choose it, its state, and its id."""
    box = '<input type="checkbox" class="choose-all" aria-label="Choose all rows of this page">'
    return (
        f'<th scope="col" class="choose">{"" if page.read_only else box}</th>'
        f'<th scope="col" class="state" {aria_sort("status", page)}>{sort_button("status", "", page)}</th>'
        f'<th scope="col" class="number" {aria_sort("id", page)}>{sort_button("id", "id", page)}</th>'
    )


def aria_sort(key: str, page: GridPage) -> str:
    query = page.view.query
    order = ("descending" if query.descending else "ascending") if query.sort == key else "none"
    return f'aria-sort="{order}"'


def sort_button(key: str, label: str, page: GridPage) -> str:
    """A header that sorts: first up, then down, then the dataset's own order again."""
    query = page.view.query
    arrow = ("▼" if query.descending else "▲") if query.sort == key else ""
    what = escape(SORTS.get(key, label))
    return (
        f'<button type="button" class="name" data-sort="{escape(key)}" title="Sort by {what}">'
        f'{escape(label)}<span class="arrow" aria-hidden="true">{arrow}</span></button>'
    )


def render_header(number: int, name: str, page: GridPage) -> str:
    """A column's name, which sorts; its role to choose, and how sure the studio is of it."""
    kept = page.roles[name]
    options = "".join(
        f'<option value="{role}"{" selected" if role == kept.role else ""}>{role}</option>' for role in ROLES
    )
    disabled = " disabled" if page.read_only else ""
    unsure = kept.confidence < UNSURE and kept.role != "ignore"
    sure = "chosen" if kept.confidence >= 1 else f"{kept.confidence:.0%} sure"
    key = f"column:{name}"
    return (
        f'<th scope="col" class="role-{kept.role}" {aria_sort(key, page)}>{sort_button(key, name, page)}'
        f'<span class="role"><select data-column="{number}" data-role="{kept.role}" '
        f'aria-label="Role of column {escape(name)}" title="{escape(kept.reason)}"{disabled}>{options}</select>'
        f'<span class="sure{" caution" if unsure else ""}" title="{escape(kept.reason)}">'
        f"{'check: ' if unsure else ''}{sure}</span></span></th>"
    )


def render_row(number: int, row: Row, columns: list[str], page: GridPage) -> str:
    selected = "true" if row.id == page.selected else "false"
    cells = "".join(render_cell(index, row.values.get(name)) for index, name in enumerate(columns))
    box = f'<input type="checkbox" tabindex="-1" aria-label="Choose row {row.id}">'
    return (
        f'<tr data-id="{row.id}" data-version="{row.version}" aria-selected="{selected}" class="{row.marks.status}">'
        f'<td class="choose">{"" if page.read_only else box}</td>{render_marks(row, page.found.get(row.id, []))}'
        f'<th scope="row" class="number" title="Row {page.view.offset + number + 1:,} of this view">{row.id}</th>'
        f"{cells}</tr>"
    )


def render_marks(row: Row, found: list[str]) -> str:
    """Review status, and signs for a golden row, a note, tags and findings; each tells itself in words."""
    marks = row.marks
    words = [marks.status]
    signs = f'<span class="status" aria-hidden="true">{STATUS_SIGNS[marks.status]}</span>'
    extras = (
        ("golden", "★", marks.golden, "golden: kept for the test"),
        ("found", "!", bool(found), "found by: " + ", ".join(found)),
        ("note", "✎", bool(marks.note), f"note: {marks.note[:200]}"),
        ("tag", "#", bool(marks.tags), "tags: " + ", ".join(marks.tags)),
    )
    for name, sign, there, word in extras:
        if there:
            signs += f'<span class="sign {name}" aria-hidden="true">{sign}</span>'
            words.append(word)
    title = escape("; ".join(words))
    return f'<td class="state" title="{title}">{signs}<span class="spoken">{title}</span></td>'


def render_cell(column: int, value: object) -> str:
    """A cell, clipped. Only a text that the browser gives back unchanged can be edited in its place."""
    turns = show_turns(value)
    text = turns or cell_text(value)
    kind = "empty" if value is None else "text" if isinstance(value, str) else "turns" if turns else "json"
    in_place = kind in ("text", "empty") and len(text) <= LONGEST_CELL and not any(char in text for char in "\0\r")
    clipped = text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
    return (
        f'<td data-column="{column}"{" data-inplace" if in_place else ""}>'
        f'<div class="cell {kind}" dir="auto">{escape(clipped)}</div></td>'
    )


def show_turns(value: object) -> str:
    """A conversation as people read it: who says what, one turn a line. "" for anything else."""
    if not isinstance(value, list) or not value:
        return ""
    for speaker, said in (("role", "content"), ("from", "value")):
        if all(isinstance(turn, dict) and isinstance(turn.get(said), str) and turn.get(speaker) for turn in value):
            return "\n".join(f"{turn[speaker]}: {turn[said]}" for turn in value)
    return ""


def render_no_rows(page: GridPage, columns: int) -> str:
    query = page.view.query
    if page.waiting:
        text = "The rows are still being read. Those that match appear here by themselves in a moment."
    elif query.search or query.filtered:
        text = "No row matches. Take a filter away, or change the search."
        if query.search:
            text = f"No row holds “{escape(query.search)}”{' under these filters' if query.filtered else ''}. "
            text += "Change the search, or clear it to see all rows."
    elif page.read_only:
        text = "This dataset has no rows."
    else:
        text = "This dataset has no rows yet. Press “Add row” and type the first one."
    return f'<tr class="none"><td colspan="{columns + 3}">{text}</td></tr>'


def render_pager(page: GridPage) -> str:
    """Which rows these are, the pages before and after, and how many rows a page has."""
    view, pages = page.view, page.view.pages(page.total)
    last = min(view.offset + view.size, page.total)
    narrowed = bool(view.query.search) or view.query.filtered
    what = "matching rows" if narrowed else "rows"
    where = f"Rows {view.offset + 1:,}–{last:,} of {page.total:,}" if page.total else f"No {what}"
    back = f"{max(0, view.offset - view.size)}"
    sizes = "".join(f"<option{' selected' if size == view.size else ''}>{size}</option>" for size in SIZES)
    return (
        f'<nav class="pager" aria-label="Pages"><span class="where" aria-live="polite">{where}'
        f"{' that match' if narrowed and page.total else ''}</span>{render_order(view.query)}"
        f'<button type="button" data-offset="{back}"{" disabled" if view.page == 1 else ""}>Previous</button>'
        f'<label>Page <input type="number" class="page" min="1" max="{pages}" value="{view.page}"> of {pages:,}</label>'
        f'<button type="button" data-offset="{view.offset + view.size}"'
        f"{' disabled' if view.page >= pages else ''}>Next</button>"
        f'<label><select class="size" data-role="{view.size}">{sizes}</select> a page</label></nav>'
    )


def render_order(query: Query) -> str:
    """Orders that no header stands for, and which way round."""
    by_header = query.sort not in ORDERS
    options = '<option value="-" selected>a column</option>' if by_header else ""
    options += "".join(
        f'<option value="{key}"{" selected" if query.sort == key else ""}>{words}</option>'
        for key, words in ORDERS.items()
    )
    arrow = "▼" if query.descending else "▲"
    turn = (
        f'<button type="button" data-sort="{escape(query.sort)}" title="Turn the order round" '
        f'aria-label="Turn the order round">{arrow}</button>'
    )
    shown = turn if query.sort and not by_header else ""
    return f'<label>by <select class="order">{options}</select></label>{shown}'


def render_empty(read_only: bool) -> str:
    """What to do first."""
    steps = (
        "<p>Nobody has added a dataset to this demo yet.</p>"
        if read_only
        else "<p>Press “Add data”: load an example to look around, upload or paste your own rows,<br>"
        "take a dataset from the hub, or start empty and type.</p>"
    )
    return (
        f'<div class="grid" data-selected=""><div class="grid-scroll first"><h3>No dataset yet</h3>{steps}</div></div>'
    )
