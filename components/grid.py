"""A page of rows as an HTML table whose rows carry the store's ids. Every value is escaped here, once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from studio.data.conversations import ROLES, cell_text
from studio.data.formats import ColumnRole
from studio.data.tables import Row

SCRIPT = Path(__file__).with_name("grid.js")

SIZES = (25, 50, 100)
MOST_COLUMNS = 16
LONGEST_CELL = 1500  # a longer one is edited in the form
UNSURE = 0.6


@dataclass(frozen=True)
class View:
    """Which part of a dataset the grid shows."""

    offset: int = 0
    size: int = 50
    search: str = ""

    def pages(self, total: int) -> int:
        return max(1, -(-total // self.size))

    @property
    def page(self) -> int:
        """From 1."""
        return self.offset // self.size + 1

    def around(self, position: int) -> "View":
        """The page that holds the row at a position (from 0)."""
        return View(max(0, position) // self.size * self.size, self.size, self.search)

    def within(self, total: int) -> "View":
        """This view, or the last page there is."""
        return self.around(min(self.offset, max(0, total - 1)))


def read_view(values: object, search: str = "") -> View:
    """A view from what the page says, which may be anything."""
    values = values if isinstance(values, dict) else {}
    size, offset = values.get("size"), values.get("offset")
    size = size if size in SIZES else SIZES[1]
    offset = min(offset, 2**40) if isinstance(offset, int) and not isinstance(offset, bool) else 0
    return View(max(0, offset) // size * size, size, search)


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
        '<thead><tr><th scope="col" class="number">No.</th><th scope="col" class="number">id</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>{render_pager(page)}</div>"
    )


def render_state(page: GridPage) -> str:
    """What grid.js needs to know. `data-move` is new whenever the page shall take over the selection."""
    move = str(time.monotonic_ns()) if page.move else ""
    selected = "" if page.selected is None else page.selected
    return (
        f'data-selected="{selected}" data-move="{move}" data-saved="{escape(page.saved)}" '
        f'data-offset="{page.view.offset}" data-size="{page.view.size}" data-total="{page.total}" '
        f'data-editable="{"" if page.read_only else "yes"}"'
    )


def render_header(number: int, name: str, page: GridPage) -> str:
    """A column's name, its role to choose, and how sure the studio is of it."""
    kept = page.roles[name]
    options = "".join(
        f'<option value="{role}"{" selected" if role == kept.role else ""}>{role}</option>' for role in ROLES
    )
    disabled = " disabled" if page.read_only else ""
    unsure = kept.confidence < UNSURE and kept.role != "ignore"
    sure = "chosen" if kept.confidence >= 1 else f"{kept.confidence:.0%} sure"
    return (
        f'<th scope="col" class="role-{kept.role}"><span class="name" title="{escape(name)}">{escape(name)}</span>'
        f'<span class="role"><select data-column="{number}" data-role="{kept.role}" '
        f'aria-label="Role of column {escape(name)}" title="{escape(kept.reason)}"{disabled}>{options}</select>'
        f'<span class="sure{" caution" if unsure else ""}" title="{escape(kept.reason)}">'
        f"{'check: ' if unsure else ''}{sure}</span></span></th>"
    )


def render_row(number: int, row: Row, columns: list[str], page: GridPage) -> str:
    selected = "true" if row.id == page.selected else "false"
    cells = "".join(render_cell(index, row.values.get(name)) for index, name in enumerate(columns))
    return (
        f'<tr data-id="{row.id}" data-version="{row.version}" aria-selected="{selected}">'
        f'<td class="number">{page.view.offset + number + 1:,}</td>'
        f'<th scope="row" class="number">{row.id}</th>{cells}</tr>'
    )


def render_cell(column: int, value: object) -> str:
    """A cell, clipped. Only a text that the browser gives back unchanged can be edited in its place."""
    text = cell_text(value)
    kind = "empty" if value is None else "text" if isinstance(value, str) else "json"
    in_place = kind != "json" and len(text) <= LONGEST_CELL and not any(char in text for char in "\0\r")
    clipped = text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
    return (
        f'<td data-column="{column}"{" data-inplace" if in_place else ""}>'
        f'<div class="cell {kind}" dir="auto">{escape(clipped)}</div></td>'
    )


def render_no_rows(page: GridPage, columns: int) -> str:
    if page.view.search:
        text = f"No row holds “{escape(page.view.search)}”. Change the search, or clear it to see all rows."
    elif page.read_only:
        text = "This dataset has no rows."
    else:
        text = "This dataset has no rows yet. Press “Add row” and type the first one."
    return f'<tr class="none"><td colspan="{columns + 2}">{text}</td></tr>'


def render_pager(page: GridPage) -> str:
    """Which rows these are, the pages before and after, and how many rows a page has."""
    view, pages = page.view, page.view.pages(page.total)
    last = min(view.offset + view.size, page.total)
    what = "matching rows" if view.search else "rows"
    where = f"Rows {view.offset + 1:,}–{last:,} of {page.total:,}" if page.total else f"No {what}"
    back = f"{max(0, view.offset - view.size)}"
    sizes = "".join(f"<option{' selected' if size == view.size else ''}>{size}</option>" for size in SIZES)
    return (
        f'<nav class="pager" aria-label="Pages"><span class="where" aria-live="polite">{where}'
        f"{' that match' if view.search and page.total else ''}</span>"
        f'<button type="button" data-offset="{back}"{" disabled" if view.page == 1 else ""}>Previous</button>'
        f'<label>Page <input type="number" class="page" min="1" max="{pages}" value="{view.page}"> of {pages:,}</label>'
        f'<button type="button" data-offset="{view.offset + view.size}"'
        f"{' disabled' if view.page >= pages else ''}>Next</button>"
        f'<label><select class="size" data-role="{view.size}">{sizes}</select> a page</label></nav>'
    )


def render_empty(read_only: bool) -> str:
    """What to do first."""
    steps = (
        "<p>Nobody has added a dataset to this demo yet.</p>"
        if read_only
        else "<p>Load an example to look around, upload a JSON, JSONL, CSV, TSV or Parquet file,<br>"
        "or start empty and type your own rows.</p>"
    )
    return (
        f'<div class="grid" data-selected=""><div class="grid-scroll first"><h3>No dataset yet</h3>{steps}</div></div>'
    )
