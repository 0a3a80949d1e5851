"""What the Data tab shows of a dataset, a page and a row: the values that handlers return for its components."""

from collections.abc import Mapping
from html import escape

import gradio as gr

from components.data import cells, facets, grid
from components.data.grid import GridPage, View
from components.data.parts import Form, Tab, render_status
from components.data.review import render_turn_fields, show_review
from studio.data.checks.catalogue import CATALOGUE
from studio.data.checks.results import find_checks_of
from studio.data.files import shown
from studio.data.formats import ColumnRole, detect_mapping
from studio.data.store import list_datasets, open_dataset
from studio.data.store.dataset import Dataset, EditConflict
from studio.data.store.tables import Row
from studio.data.view import offset_of, read_page
from studio.errors import DataError

SAMPLED = 200
CHECK_TITLES = {check.name: check.title for check in CATALOGUE}

Shown = dict


def dataset_at_hand(tab: Tab, values: Mapping) -> Dataset:
    """The dataset that the page is on; DataError if there is none."""
    dataset_id = values[tab.shared.dataset]
    if not isinstance(dataset_id, str):
        raise DataError("There is no dataset yet. Press “Add data”.")
    return open_dataset(tab.services.home, dataset_id)


def view_at_hand(tab: Tab, values: Mapping) -> View:
    return grid.read_view(values[tab.view], values[tab.toolbar.search] or "")


def find_row(dataset: Dataset, row_id: object) -> Row | None:
    """The row, or None if there is none of that id (it was deleted, or belongs to another dataset)."""
    try:
        return dataset.row(cells.read_number(row_id))
    except DataError:
        return None


def describe_roles(dataset: Dataset) -> dict[str, ColumnRole]:
    """Each column's role as the dataset keeps it, with the reason where the studio would choose the same."""
    kept = dataset.mapping
    rows = [row.values for row in dataset.page(0, SAMPLED)]
    typed = "started" in dataset.source  # nothing to find out: its columns are the studio's own
    found = detect_mapping(list(kept), rows) if rows and not typed else {}
    reason = "set by the example, or by you" if "example" in dataset.source else "chosen by you"
    chosen = {column: ColumnRole(role, 1.0, reason) for column, role in kept.items()}
    return chosen | {column: role for column, role in found.items() if role.role == kept[column]}


def choose_dataset(tab: Tab, dataset_id: object) -> Shown:
    """The dropdown of datasets with one of them chosen; names that occur twice carry their id."""
    infos = list_datasets(tab.services.home)
    names = [info.name for info in infos]
    choices = [(i.name if names.count(i.name) == 1 else f"{i.name} ({i.id})", i.id) for i in infos]
    return {tab.toolbar.dataset: gr.Dropdown(choices=choices, value=dataset_id)}


def show_dataset(tab: Tab, dataset: Dataset, view: View, row_id: object = None, state: str = "") -> Shown:
    """The whole tab on a dataset: the page with a row (else the first), without filters, and that row in the form."""
    row = find_row(dataset, row_id) if row_id is not None else None
    row = row or next(iter(dataset.page(0, 1)), None)
    view = View(size=view.size).around(dataset.offset_of(row.id) if row else 0)
    return {
        tab.shared.dataset: dataset.id,
        tab.shared.row: row and row.id,
        tab.chosen: [],  # ids of another dataset's rows
        tab.toolbar.search: "",
        tab.toolbar.notice: describe_source(dataset.source),
        tab.toolbar.add: gr.Button(variant="secondary"),
        **choose_dataset(tab, dataset.id),
        **show_page(tab, dataset, view, row and row.id, move=True),
        **show_row(tab, dataset, row, state),
    }


def describe_source(source: Mapping) -> str:
    """Where a dataset came from; it may have been made by another version of the studio, or by hand."""
    if "example" in source:
        text = f"A shipped example; licence {source.get('licence', 'unknown')}."
    elif "hub" in source:
        licence = f"; licence {source['licence']}" if source.get("licence") else ""
        text = f"From the hub: {source['hub']}{licence}."
    elif "file" in source:
        left_out = f"; {left_out_rows(source['dropped'])}" if source.get("dropped") else ""
        form = str(source.get("format", "file")).upper()
        text = f"From {shown(str(source['file']))}: {form}, {source.get('family', 'unknown')} format{left_out}."
    else:
        text = "Typed here."
    return render_notice(text, "muted")


def left_out_rows(count: int) -> str:
    return "1 row was left out" if count == 1 else f"{count:,} rows were left out"


def show_nothing(tab: Tab) -> Shown:
    """The tab of somebody who has no dataset yet."""
    empty = {tab.shared.dataset: None, tab.shared.row: None, tab.grid: grid.render_empty(tab.services.read_only)}
    first_step = {tab.toolbar.add: gr.Button(variant="primary"), tab.filters.pills: ""}
    return {**empty, **first_step, **choose_dataset(tab, None), **show_row(tab, None, None)}


def show_page(
    tab: Tab, dataset: Dataset, view: View, selected: int | None, move: bool = False, saved: str = ""
) -> Shown:
    """The grid. `move`: the page shall take over the selection; `saved`: the edit in place that this answers."""
    home = tab.services.home
    found = read_page(home, dataset, view.query, view.offset, view.size)
    if view != view.within(found.total):
        view = view.within(found.total)
        found = read_page(home, dataset, view.query, view.offset, view.size)
    page = GridPage(
        name=dataset.name,
        roles=describe_roles(dataset),
        rows=found.rows,
        total=found.total,
        view=view,
        selected=selected,
        move=move,
        saved=saved,
        read_only=tab.services.read_only,
        dataset=dataset.id,
        found=titles_of_findings(tab, dataset, found.rows),
        ready=found.ready,
    )
    return {
        tab.grid: grid.render_grid(page),
        tab.view: view.to_json(),
        tab.filters.pills: facets.render_pills(view.query, CHECK_TITLES),
    }


def titles_of_findings(tab: Tab, dataset: Dataset, rows: list[Row]) -> dict[int, list[str]]:
    """Row id -> titles of the checks that found it when they last ran."""
    found = find_checks_of(tab.services.home, dataset, [row.id for row in rows])
    return {row_id: [CHECK_TITLES.get(name, name) for name in names] for row_id, names in found.items()}


def open_view(tab: Tab, dataset: Dataset, view: View) -> Shown:
    """Another choice of rows: its first page, and its first row in the form (grid.js takes the ticks away)."""
    rows = read_page(tab.services.home, dataset, view.query, 0, 1).rows
    row = rows[0] if rows else None
    shown = show_page(tab, dataset, view.around(0), row and row.id, move=True) | show_row(tab, dataset, row)
    return shown | {tab.shared.row: row and row.id, tab.toolbar.search: view.query.search}


def place_of(tab: Tab, dataset: Dataset, view: View, row_id: int) -> int | None:
    """How many rows of a view stand before a row; None where the filters keep it out.

    While the order of all rows is still worked out, at least the page at hand is known.
    """
    place = offset_of(tab.services.home, dataset, view.query, row_id)
    if place is not None:
        return place
    page = read_page(tab.services.home, dataset, view.query, view.offset, view.size)
    return next((view.offset + number for number, row in enumerate(page.rows) if row.id == row_id), None)


def show_row(tab: Tab, dataset: Dataset | None, row: Row | None, state: str = "") -> Shown:
    """The form, filled anew."""
    form = tab.form
    opened = cells.Opened(dataset.id, row.id, row.version) if dataset and row else ""
    shown = {
        form.opened: str(opened),
        form.own: None,
        form.status: render_status(row and row.id, state, dataset=bool(dataset), version=row and row.version),
        form.conflict: gr.Column(visible=False),
        form.save: gr.Button(interactive=row is not None),
    }
    shown |= show_actions(tab, dataset, row) | show_review(form.review, row)
    return shown | fill_fields(form, dataset, row.values if row else {})


def show_actions(tab: Tab, dataset: Dataset | None, row: Row | None) -> Shown:
    """The buttons above the form, each as far as it can do something."""
    possible = {
        "add": dataset is not None,
        "duplicate": row is not None,
        "delete": row is not None,
        "undo": dataset is not None and dataset.next_undo() is not None,
        "redo": dataset is not None and dataset.next_redo() is not None,
    }
    return {button: gr.Button(interactive=possible[name]) for name, button in tab.form.buttons.items()}


def fill_fields(form: Form, dataset: Dataset | None, values: Mapping[str, object]) -> Shown:
    """One labelled field for each of the first columns."""
    mapping = dataset.mapping if dataset else {}
    columns = list(values)
    shown = {}
    for field, name in zip(form.fields, columns, strict=False):
        label = f"{name} (not trained)" if mapping.get(name) == "ignore" else name
        shown[field] = gr.Textbox(value=cells.show_cell(values[name]), label=label, visible=True)
    shown |= {field: gr.Textbox(value="", visible=False) for field in form.fields[len(columns) :]}
    turns = [number for number, name in enumerate(columns[: len(form.fields)]) if mapping.get(name) == "messages"]
    return shown | {form.review.turns: render_turn_fields(turns)}


def show_conflict(tab: Tab, error: EditConflict) -> Shown:
    """Both texts of every column in question; the fields keep what was typed."""
    parts = "".join(
        f"<h4>{escape(column)}</h4><div class='both'><div><b>Yours</b><pre>{escape(cells.show_cell(mine))}</pre></div>"
        f"<div><b>The other</b><pre>{escape(cells.show_cell(error.theirs.values.get(column)))}</pre></div></div>"
        for column, mine in error.mine.items()
    )
    return {
        tab.form.conflict: gr.Column(visible=True),
        tab.form.texts: f'<div class="notice problem" role="alert">{escape(str(error))}</div>{parts}',
        tab.form.status: render_status(error.theirs.id, "Not saved: changed somewhere else", "problem"),
    }


def after_change(
    tab: Tab, values: Mapping, dataset: Dataset, row_id: object, state: str, position: int | None = None
) -> Shown:
    """The page and the form after rows came, went or changed: on that row; if it is gone, on the row that now stands
    at `position` of the view, else on the first of the page."""
    view = view_at_hand(tab, values)
    place = view.offset if position is None else position
    found = read_page(tab.services.home, dataset, view.query, place, 1)
    if not found.rows and found.total:
        found = read_page(tab.services.home, dataset, view.query, found.total - 1, 1)
    row = find_row(dataset, row_id) or next(iter(found.rows), None)
    page = show_page(tab, dataset, view.around(place), row and row.id, move=True)
    return page | show_row(tab, dataset, row, state) | count_edit(tab, values) | {tab.shared.row: row and row.id}


def show_new(tab: Tab, values: Mapping, dataset: Dataset, row_id: int, state: str) -> Shown:
    """The page on which a new row stands, with that row selected; filters could hide it, so they end."""
    view = View(size=view_at_hand(tab, values).size).around(dataset.offset_of(row_id))
    shown = show_page(tab, dataset, view, row_id, move=True) | show_row(tab, dataset, dataset.row(row_id), state)
    return shown | count_edit(tab, values) | {tab.shared.row: row_id, tab.toolbar.search: ""}


def count_edit(tab: Tab, values: Mapping) -> Shown:
    """Tell the other tabs that rows changed."""
    return {tab.shared.edits: (values[tab.shared.edits] or 0) + 1}


def render_notice(text: str, kind: str = "") -> str:
    return f'<div class="notice {kind}" role="status">{escape(text)}</div>'
