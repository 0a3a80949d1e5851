"""The parts of the Data tab that its panels share: its components, and the listeners' inputs and outputs."""

import time
from dataclasses import dataclass
from html import escape

import gradio as gr

from components.data import facets, grid, review
from components.data.grid import View
from components.data.review import Review
from components.shared import Services, Shared, browser_state

MOST_FIELDS = grid.MOST_COLUMNS  # what is seen in the table can be edited in the form
ACTIONS = {"add": "Add row", "duplicate": "Duplicate", "delete": "Delete", "undo": "Undo", "redo": "Redo"}


@dataclass(frozen=True)
class Toolbar:
    """Which dataset, how more comes in, and the search."""

    dataset: gr.Dropdown
    add: gr.Button
    many: gr.Button
    search: gr.Textbox
    notice: gr.HTML


@dataclass(frozen=True)
class Filters:
    """What narrows the table, at its left and above it."""

    facets: gr.HTML
    lengths: gr.Plot
    pills: gr.HTML


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
    review: Review
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
    panels: gr.Tabs
    panel: gr.State
    """Id of the panel that is open"""
    filters: Filters
    grid: gr.HTML
    view: gr.BrowserState
    """Which rows the grid shows (View.to_json)"""
    chosen: gr.State
    """Ids of the rows with a tick, in the order in which they were ticked"""
    form: Form

    @property
    def inputs(self) -> set:
        """What says where the page stands; a handler gets the values as one dict."""
        shared, form = self.shared, self.form
        place = {shared.dataset, shared.row, shared.edits, self.view, self.chosen, self.toolbar.search}
        return place | {form.opened, form.own, *form.fields}

    @property
    def outputs(self) -> list:
        """What a handler may change; it returns a dict of those it does change."""
        bar, form = self.toolbar, self.form
        shown = [self.grid, self.view, self.chosen, self.panels, self.filters.pills]
        shown += [bar.dataset, bar.search, bar.notice, bar.add]
        shown += [form.status, form.save, form.conflict, form.texts, form.opened, form.own]
        shown += [*form.buttons.values(), *form.fields, *form.review.outputs]
        return [*shown, self.shared.dataset, self.shared.row, self.shared.edits]


def lay_out_toolbar(services: Services) -> Toolbar:
    """The bar above all panels."""
    edits = not services.read_only
    with gr.Row(elem_id="data-toolbar", equal_height=False):
        dataset = gr.Dropdown([], label="Dataset", elem_id="data-dataset", scale=3, min_width=220)
        add = gr.Button("Add data", elem_id="data-add-data", size="md", scale=0, visible=edits)
        search = gr.Textbox(
            label="Search",
            placeholder="words, or “a phrase” in quotes",
            elem_id="data-search",
            scale=4,
            min_width=220,
            max_lines=1,
        )
        many = gr.Button("Change many rows", elem_id="data-many", size="md", scale=0, visible=edits)
    notice = gr.HTML(elem_id="data-notice", apply_default_css=False)
    return Toolbar(dataset, add, many, search, notice)


def lay_out_rows(services: Services, shared: Shared, toolbar: Toolbar, panels: gr.Tabs) -> Tab:
    """The panel of rows: filters, the table, the selected row. Empty; the page's load event fills it."""
    pills = gr.HTML(elem_id="data-pills", js_on_load=facets.PILLS_SCRIPT, apply_default_css=False)
    with gr.Row(elem_id="data-panes", equal_height=False):
        with gr.Column(scale=3, min_width=210, elem_id="data-filters"):
            shown = gr.HTML(
                elem_id="data-facets", js_on_load=facets.SCRIPT.read_text(encoding="utf-8"), apply_default_css=False
            )
            lengths = gr.Plot(elem_id="data-lengths", show_label=False, container=False, visible=False)
        with gr.Column(scale=10, min_width=420, elem_id="data-table"):
            table = gr.HTML(
                grid.render_empty(services.read_only),
                elem_id="data-grid",
                js_on_load=grid.SCRIPT.read_text(encoding="utf-8"),
                apply_default_css=False,
            )
        with gr.Column(scale=6, min_width=340, elem_id="data-form"):
            form = lay_out_form(services.read_only)
    view = browser_state(View().to_json(), "data-view")
    filters = Filters(shown, lengths, pills)
    return Tab(services, shared, toolbar, panels, gr.State("rows"), filters, table, view, gr.State([]), form)


def lay_out_form(read_only: bool) -> Form:
    """The selected row: what can be done with it, its texts, what the model sees of it, and its marks."""
    edits = not read_only
    status = gr.HTML(render_status(None, ""), elem_id="data-status", apply_default_css=False)
    with gr.Row(elem_classes="actions", visible=edits):
        buttons = {
            name: gr.Button(label, elem_id=f"data-{name}", size="sm", scale=0, min_width=40, interactive=False)
            for name, label in ACTIONS.items()
        }
        save = gr.Button("Save", elem_id="data-save", size="sm", scale=0, min_width=40, interactive=False)
    verdicts = review.lay_out_verdicts(edits)
    with gr.Column(visible=False, elem_id="data-conflict") as conflict:
        texts = gr.HTML(apply_default_css=False)
        with gr.Row(elem_classes="actions"):
            keep_mine = gr.Button("Keep my text", elem_id="data-keep-mine", size="sm", scale=0)
            take_theirs = gr.Button("Take the other text", elem_id="data-take-theirs", size="sm", scale=0)
    with gr.Row(elem_id="data-record", equal_height=False):
        with gr.Column(elem_id="data-texts", min_width=300):
            fields = [lay_out_field(number, edits) for number in range(MOST_FIELDS)]
            turns = gr.HTML(
                elem_id="data-turns",
                js_on_load=review.TURNS_SCRIPT.read_text(encoding="utf-8"),
                apply_default_css=False,
            )
        with gr.Column(elem_id="data-seen", min_width=300):
            preview = gr.HTML(elem_id="data-preview", apply_default_css=False)
            marks = review.lay_out_marks(edits)
    opened = gr.Textbox(visible="hidden", elem_id="data-opened")
    reviewed = Review(turns=turns, **verdicts, **marks)
    return Form(
        status,
        buttons,
        save,
        conflict,
        texts,
        keep_mine,
        take_theirs,
        fields,
        preview,
        reviewed,
        opened,
        gr.State(None),
    )


def lay_out_field(number: int, edits: bool) -> gr.Textbox:
    """The text of one column; hidden until a row has it."""
    return gr.Textbox(
        visible=False,
        lines=2,
        max_lines=9,
        interactive=edits,
        elem_id=f"data-field-{number}",
        elem_classes="field",
    )


def render_status(
    row_id: int | None, state: str, kind: str = "muted", dataset: bool = True, version: int | None = None
) -> str:
    """The form's heading and what became of the last edit. The stamp makes every answer a new one.

    `version`: the row's, where the fields show it as it is in the store; grid.js keeps unsaved texts with it.
    """
    title = f"Row {row_id}" if row_id is not None else "No row selected"
    if row_id is None and not state:
        state = "Select a row to edit it." if dataset else "Press “Add data” first."
    known = "" if version is None else f' data-version="{version}"'
    return (
        f'<div class="head" data-stamp="{time.monotonic_ns()}"{known}><h3>{title}</h3>'
        f'<span class="state {kind}" role="status" aria-live="polite">{escape(state)}</span></div>'
    )
