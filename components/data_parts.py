"""The parts of the Data tab: its components, and what they show of a dataset, a page and a row."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import gradio as gr

from components import cells, grid
from components.grid import GridPage, View
from components.shared import Services, Shared, browser_state
from studio.data.dataset import Dataset, EditConflict
from studio.data.formats import ColumnRole, detect_mapping
from studio.data.importing import list_examples
from studio.data.store import list_datasets, open_dataset
from studio.data.tables import Row
from studio.errors import DataError, StudioError

MOST_FIELDS = 8
SAMPLED = 200
FILE_TYPES = [".json", ".jsonl", ".csv", ".tsv", ".parquet"]
ACTIONS = {"add": "Add row", "duplicate": "Duplicate", "delete": "Delete", "undo": "Undo", "redo": "Redo"}
NEED_A_ROW = ("duplicate", "delete")

Shown = dict


@dataclass(frozen=True)
class Toolbar:
    """Where data comes from, and the search."""

    dataset: gr.Dropdown
    example: gr.Dropdown
    load_example: gr.Button
    upload: gr.UploadButton
    start_empty: gr.Button
    export: gr.Button
    download: gr.DownloadButton
    search: gr.Textbox
    notice: gr.HTML


@dataclass(frozen=True)
class Refusal:
    """What stands in place of an import when some rows of the file cannot be used."""

    group: gr.Column
    text: gr.HTML
    drop: gr.Button
    cancel: gr.Button
    file: gr.State
    """Path of the uploaded file"""


@dataclass(frozen=True)
class Form:
    """The selected row."""

    status: gr.HTML
    buttons: dict[str, gr.Button]
    save: gr.Button
    conflict: gr.Column
    texts: gr.HTML
    keep_mine: gr.Button
    take_theirs: gr.Button
    fields: list[gr.Textbox]
    preview: gr.HTML
    waiting: gr.State
    """Whether the preview waits for a model's tokenizer"""
    opened: gr.Textbox
    """The row that the fields show (cells.Opened)"""
    own: gr.State
    """(opened, version): what this form itself has saved since it was filled"""


@dataclass(frozen=True)
class Tab:
    """Everything a handler needs."""

    services: Services
    shared: Shared
    toolbar: Toolbar
    refusal: Refusal
    grid: gr.HTML
    view: gr.BrowserState
    form: Form

    @property
    def inputs(self) -> set:
        """What says where the page stands; a handler gets the values as one dict."""
        shared, form = self.shared, self.form
        place = {shared.dataset, shared.row, shared.edits, self.view, self.toolbar.search}
        return place | {form.opened, form.own, *form.fields}

    @property
    def outputs(self) -> list:
        """What a handler may change; it returns a dict of those it does change."""
        bar, form, refusal = self.toolbar, self.form, self.refusal
        shown = [self.grid, self.view, bar.dataset, bar.search, bar.notice, bar.export]
        shown += [form.status, form.save, form.conflict, form.texts, form.opened, form.own]
        shown += [refusal.group, refusal.text, refusal.drop, refusal.file]
        return [*shown, *form.buttons.values(), *form.fields, self.shared.dataset, self.shared.row, self.shared.edits]


def lay_out(services: Services, shared: Shared) -> Tab:
    """The components, empty; the page's load event fills them."""
    toolbar = lay_out_toolbar(services)
    refusal = lay_out_refusal()
    with gr.Row(elem_id="data-panes", equal_height=False):
        with gr.Column(scale=9, min_width=420):
            table = gr.HTML(
                grid.render_empty(services.read_only),
                elem_id="data-grid",
                js_on_load=grid.SCRIPT.read_text(encoding="utf-8"),
                apply_default_css=False,
            )
        with gr.Column(scale=5, min_width=340, elem_id="data-form"):
            form = lay_out_form(services.read_only)
    view = browser_state({"offset": 0, "size": View().size}, "view")
    return Tab(services, shared, toolbar, refusal, table, view, form)


def lay_out_toolbar(services: Services) -> Toolbar:
    edits = not services.read_only
    with gr.Row(elem_id="data-toolbar", equal_height=False):
        dataset = gr.Dropdown([], label="Dataset", elem_id="data-dataset", scale=3, min_width=190)
        choices = [(example.title, example.name) for example in list_examples()]
        first = choices[0][1] if choices else None
        example = gr.Dropdown(
            choices, value=first, label="Example", elem_id="data-example", scale=3, min_width=180, visible=edits
        )
        load_example = gr.Button("Load example", elem_id="data-load-example", size="md", scale=0, visible=edits)
        upload = gr.UploadButton(
            "Upload file", file_types=FILE_TYPES, elem_id="data-upload", size="md", scale=0, visible=edits
        )
        start_empty = gr.Button("Start empty", elem_id="data-start-empty", size="md", scale=0, visible=edits)
        export = gr.Button("Download JSONL", elem_id="data-export", size="md", scale=0, interactive=False)
        download = gr.DownloadButton("File", elem_id="data-download", visible="hidden")
        search = gr.Textbox(
            label="Search", placeholder="in all columns", elem_id="data-search", scale=3, min_width=180, max_lines=1
        )
    notice = gr.HTML(elem_id="data-notice", apply_default_css=False)
    return Toolbar(dataset, example, load_example, upload, start_empty, export, download, search, notice)


def lay_out_refusal() -> Refusal:
    with gr.Column(visible=False, elem_id="data-refusal") as group:
        text = gr.HTML(apply_default_css=False)
        with gr.Row(elem_classes="actions"):
            drop = gr.Button("Import without those rows", elem_id="data-drop-rows", size="sm", scale=0)
            cancel = gr.Button("Cancel", elem_id="data-cancel-import", size="sm", scale=0)
    return Refusal(group, text, drop, cancel, gr.State(None))


def lay_out_form(read_only: bool) -> Form:
    edits = not read_only
    status = gr.HTML(render_status(None, ""), elem_id="data-status", apply_default_css=False)
    with gr.Row(elem_classes="actions", visible=edits):
        buttons = {
            name: gr.Button(label, elem_id=f"data-{name}", size="sm", scale=0, min_width=40, interactive=False)
            for name, label in ACTIONS.items()
        }
        save = gr.Button("Save", elem_id="data-save", size="sm", scale=0, min_width=40, interactive=False)
    with gr.Column(visible=False, elem_id="data-conflict") as conflict:
        texts = gr.HTML(apply_default_css=False)
        with gr.Row(elem_classes="actions"):
            keep_mine = gr.Button("Keep my text", elem_id="data-keep-mine", size="sm", scale=0)
            take_theirs = gr.Button("Take the other text", elem_id="data-take-theirs", size="sm", scale=0)
    fields = [
        gr.Textbox(
            visible=False,
            lines=2,
            max_lines=9,
            interactive=edits,
            elem_id=f"data-field-{number}",
            elem_classes="field",
        )
        for number in range(MOST_FIELDS)
    ]
    preview = gr.HTML(elem_id="data-preview", apply_default_css=False)
    opened = gr.Textbox(visible="hidden", elem_id="data-opened")
    return Form(
        status, buttons, save, conflict, texts, keep_mine, take_theirs, fields,
        preview, gr.State(False), opened, gr.State(None),
    )  # fmt: skip


# What is shown


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
    found = detect_mapping(list(kept), rows) if rows else {}
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
        tab.toolbar.export: gr.Button(interactive=True),
        **choose_dataset(tab, dataset.id),
        **show_page(tab, dataset, view, row and row.id, move=True),
        **show_row(tab, dataset, row, state),
    }


def show_nothing(tab: Tab) -> Shown:
    """The tab of somebody who has no dataset yet."""
    empty = {tab.shared.dataset: None, tab.shared.row: None, tab.grid: grid.render_empty(tab.services.read_only)}
    return {**empty, **choose_dataset(tab, None), **show_row(tab, None, None)}


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
        form.status: render_status(row and row.id, state, dataset=dataset is not None),
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


def render_status(row_id: int | None, state: str, kind: str = "muted", dataset: bool = True) -> str:
    """The form's heading and what became of the last edit. The stamp makes every answer a new one."""
    title = f"Row {row_id}" if row_id is not None else "No row selected"
    if row_id is None and not state:
        state = "Select a row to edit it." if dataset else "Load an example, upload a file or start empty first."
    return (
        f'<div class="head" data-stamp="{time.monotonic_ns()}"><h3>{title}</h3>'
        f'<span class="state {kind}" role="status" aria-live="polite">{escape(state)}</span></div>'
    )


def render_problem(error: StudioError) -> str:
    return f'<div class="notice problem" role="alert">{escape(str(error))}</div>'
