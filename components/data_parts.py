"""The parts of the Data tab: its components, and the listeners' inputs and outputs."""

import time
from dataclasses import dataclass
from html import escape

import gradio as gr

from components import grid
from components.grid import View
from components.shared import Services, Shared, browser_state
from studio.data.importing import list_examples

MOST_FIELDS = 8
FILE_TYPES = [".json", ".jsonl", ".csv", ".tsv", ".parquet"]
ACTIONS = {"add": "Add row", "duplicate": "Duplicate", "delete": "Delete", "undo": "Undo", "redo": "Redo"}


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
        shown = [self.grid, self.view, bar.dataset, bar.search, bar.notice, bar.export, bar.load_example]
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
    view = browser_state({"offset": 0, "size": View().size}, "data-view")
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
    return Form(status, buttons, save, conflict, texts, keep_mine, take_theirs, fields, preview, opened, gr.State(None))


def render_status(
    row_id: int | None, state: str, kind: str = "muted", dataset: bool = True, version: int | None = None
) -> str:
    """The form's heading and what became of the last edit. The stamp makes every answer a new one.

    `version`: the row's, where the fields show it as it is in the store; grid.js keeps unsaved texts with it.
    """
    title = f"Row {row_id}" if row_id is not None else "No row selected"
    if row_id is None and not state:
        state = "Select a row to edit it." if dataset else "Load an example, upload a file or start empty first."
    known = "" if version is None else f' data-version="{version}"'
    return (
        f'<div class="head" data-stamp="{time.monotonic_ns()}"{known}><h3>{title}</h3>'
        f'<span class="state {kind}" role="status" aria-live="polite">{escape(state)}</span></div>'
    )
