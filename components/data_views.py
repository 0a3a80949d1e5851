"""What the Data tab shows of a dataset, a page and a row: the values that handlers return for its components."""

from collections.abc import Mapping
from html import escape

import gradio as gr

from components import cells, grid
from components.data_parts import Form, Tab, render_status
from components.grid import GridPage, View
from studio.data.dataset import Dataset, EditConflict
from studio.data.files import shown
from studio.data.formats import ColumnRole, detect_mapping
from studio.data.store import list_datasets, open_dataset
from studio.data.tables import Row
from studio.errors import DataError, StudioError

SAMPLED = 200
NEED_A_ROW = ("duplicate", "delete")

Shown = dict


def dataset_at_hand(tab: Tab, values: Mapping) -> Dataset:
    """The dataset that the page is on; DataError if there is none."""
    dataset_id = values[tab.shared.dataset]
    if not isinstance(dataset_id, str):
        raise DataError("There is no dataset yet. Load the example, upload a file, or start empty.")
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
    """The whole tab on a dataset: the page with a row (else the first), and that row in the form."""
    row = find_row(dataset, row_id) if row_id is not None else None
    row = row or next(iter(dataset.page(0, 1)), None)
    view = View(size=view.size).around(dataset.offset_of(row.id) if row else 0)
    return {
        tab.shared.dataset: dataset.id,
        tab.shared.row: row and row.id,
        tab.toolbar.search: "",
        tab.toolbar.notice: describe_source(dataset.source),
        tab.toolbar.export: gr.Button(interactive=True),
        tab.toolbar.load_example: gr.Button(variant="secondary"),
        **choose_dataset(tab, dataset.id),
        **show_page(tab, dataset, view, row and row.id, move=True),
        **show_row(tab, dataset, row, state),
    }


def describe_source(source: Mapping) -> str:
    """Where a dataset came from; it may have been made by another version of the studio, or by hand."""
    if "example" in source:
        text = f"A shipped example; licence {source.get('licence', 'unknown')}."
    elif "file" in source:
        left_out = f"; {source['dropped']:,} rows were left out" if source.get("dropped") else ""
        form = str(source.get("format", "file")).upper()
        text = f"From {shown(str(source['file']))}: {form}, {source.get('family', 'unknown')} format{left_out}."
    else:
        text = "Typed here."
    return render_notice(text, "muted")


def show_nothing(tab: Tab) -> Shown:
    """The tab of somebody who has no dataset yet."""
    empty = {tab.shared.dataset: None, tab.shared.row: None, tab.grid: grid.render_empty(tab.services.read_only)}
    first_step = {tab.toolbar.load_example: gr.Button(variant="primary")}
    return {**empty, **first_step, **choose_dataset(tab, None), **show_row(tab, None, None)}


def show_page(
    tab: Tab, dataset: Dataset, view: View, selected: int | None, move: bool = False, saved: str = ""
) -> Shown:
    """The grid. `move`: the page shall take over the selection; `saved`: the edit in place that this answers."""
    rows = dataset.page(view.offset, view.size, view.search)
    all_here = view.offset == 0 and len(rows) < view.size  # a search need not look through everything twice
    total = len(rows) if all_here else dataset.count(view.search)
    if view != view.within(total):
        view = view.within(total)
        rows = dataset.page(view.offset, view.size, view.search)
    roles = describe_roles(dataset)
    page = GridPage(dataset.name, roles, rows, total, view, selected, move, saved, tab.services.read_only)
    return {tab.grid: grid.render_grid(page), tab.view: {"offset": view.offset, "size": view.size}}


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
    for name, button in form.buttons.items():
        shown[button] = gr.Button(interactive=bool(row) or (bool(dataset) and name not in NEED_A_ROW))
    return shown | fill_fields(form, dataset, row.values if row else {})


def fill_fields(form: Form, dataset: Dataset | None, values: Mapping[str, object]) -> Shown:
    """One labelled field for each of the first columns."""
    mapping = dataset.mapping if dataset else {}
    columns = list(values)
    shown = {}
    for field, name in zip(form.fields, columns, strict=False):
        label = f"{name} (not trained)" if mapping.get(name) == "ignore" else name
        shown[field] = gr.Textbox(value=cells.show_cell(values[name]), label=label, visible=True)
    return shown | {field: gr.Textbox(value="", visible=False) for field in form.fields[len(columns) :]}


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


def count_edit(tab: Tab, values: Mapping) -> Shown:
    """Tell the other tabs that rows changed."""
    return {tab.shared.edits: (values[tab.shared.edits] or 0) + 1}


def render_problem(error: StudioError) -> str:
    return f'<div class="notice problem" role="alert">{escape(str(error))}</div>'


def render_notice(text: str, kind: str = "") -> str:
    return f'<div class="notice {kind}" role="status">{escape(text)}</div>'
