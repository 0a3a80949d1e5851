"""The Data tab: its panels, and in the first of them the pages of rows beside the selected row."""

from dataclasses import replace

import gradio as gr
from gradio.context import Context

from components.data import adding, adding_parts, bulk, cells, editing, facets, reviewing
from components.data.export import build_export_panel
from components.data.grid import read_view
from components.data.parts import Tab, lay_out_rows, lay_out_toolbar
from components.data.quality import build_quality_panel
from components.data.review import render_progress
from components.data.splits import build_splits_panel
from components.data.statistics import build_statistics_panel
from components.data.trash import build_trash_panel
from components.data.versions import build_versions_panel
from components.data.views import (
    CHECK_TITLES,
    dataset_at_hand,
    open_view,
    show_dataset,
    show_nothing,
    show_page,
    show_row,
    view_at_hand,
)
from components.data.wiring import LATEST, ORDERED, number_from, numbers_from, text_from
from components.shared import QUIET, Services, Shared, read_recipe, told
from components.token_view import note, render_preview
from studio.data.background import read_progress, start
from studio.data.store import list_datasets, open_dataset
from studio.data.store.dataset import Dataset
from studio.data.view import read_facets, read_page
from studio.errors import StudioError

PANELS = (
    ("Quality", "quality", build_quality_panel),
    ("Splits", "splits", build_splits_panel),
    ("Versions", "versions", build_versions_panel),
    ("Statistics", "statistics", build_statistics_panel),
    ("Export", "export", build_export_panel),
    ("Trash", "trash", build_trash_panel),
)


def build_data_tab(services: Services, shared: Shared) -> None:
    """Lay the tab out and wire it; called inside its gr.Tab."""
    toolbar = lay_out_toolbar(services)
    added = adding_parts.lay_out()
    with gr.Tabs(elem_id="data-panels") as panels:
        with gr.Tab("Rows", id="rows") as rows:
            many = bulk.lay_out()
            tab = lay_out_rows(services, shared, toolbar, panels)
        for title, name, build in PANELS:
            with gr.Tab(title, id=name) as panel:
                build(tab, panel)
    wire_opening(tab)
    wire_reading(tab)
    wire_filters(tab)
    wire_counts(tab, rows)
    wire_preview(tab)
    adding.wire(tab, added)
    editing.wire(tab)
    reviewing.wire(tab)
    bulk.wire(tab, many)


def wire_opening(tab: Tab) -> None:
    """What a page shows first, and the switch to another dataset."""

    @told
    def open_page(values: dict):
        """The dataset and row of last time, else the newest dataset."""
        ids = [info.id for info in list_datasets(tab.services.home) if info.modified]
        if not ids:
            return show_nothing(tab)
        known = values[tab.shared.dataset] in ids
        dataset = open_dataset(tab.services.home, values[tab.shared.dataset] if known else ids[0])
        return show_dataset(tab, dataset, view_at_hand(tab, values), values[tab.shared.row] if known else None)

    @told
    def switch(values: dict):
        dataset = open_dataset(tab.services.home, str(values[tab.toolbar.dataset]))
        return show_dataset(tab, dataset, view_at_hand(tab, values))

    @told
    def follow(values: dict):
        """Another tab went on to another row."""
        opened = cells.read_opened(values[tab.form.opened])
        dataset_id, row_id = values[tab.shared.dataset], values[tab.shared.row]
        if opened is None or dataset_id is None or (opened.dataset, opened.row) == (dataset_id, row_id):
            return gr.skip()
        dataset = open_dataset(tab.services.home, dataset_id)
        return show_dataset(tab, dataset, view_at_hand(tab, values), row_id)

    Context.root_block.load(open_page, tab.inputs, tab.outputs, **QUIET)
    tab.toolbar.dataset.input(switch, tab.inputs | {tab.toolbar.dataset}, tab.outputs, **ORDERED)
    gr.on([tab.shared.dataset.change, tab.shared.row.change], follow, tab.inputs, tab.outputs, **ORDERED)


def wire_reading(tab: Tab) -> None:
    """Pages, search, order, ticks, and the selected row."""

    @told
    def turn(values: dict, evt: gr.EventData):
        kept = view_at_hand(tab, values).to_json()
        view = read_view({**kept, "offset": number_from(evt, "offset"), "size": number_from(evt, "size")})
        dataset = dataset_at_hand(tab, values)
        edge = text_from(evt, "edge")
        if edge not in ("first", "last"):
            return show_page(tab, dataset, view, values[tab.shared.row])
        rows = read_page(tab.services.home, dataset, view.query, view.offset, view.size).rows
        row = rows[0 if edge == "first" else -1] if rows else None
        page = show_page(tab, dataset, view, row and row.id, move=True)
        return page | show_row(tab, dataset, row) | {tab.shared.row: row and row.id}

    @told
    def pick(values: dict, evt: gr.EventData):
        dataset = dataset_at_hand(tab, values)
        row = dataset.row(number_from(evt, "id"))
        return show_row(tab, dataset, row) | {tab.shared.row: row.id}

    @told
    def search(values: dict):
        view = view_at_hand(tab, values).around(0)
        return show_page(tab, dataset_at_hand(tab, values), view, values[tab.shared.row])

    @told
    def refresh(values: dict):
        """The rows asked for were not known yet: grid.js asks again. A row comes into the form if none is there."""
        dataset, view = dataset_at_hand(tab, values), view_at_hand(tab, values)
        if values[tab.form.opened]:
            return show_page(tab, dataset, view, values[tab.shared.row])
        return open_view(tab, dataset, view)

    @told
    def sort(values: dict, evt: gr.EventData):
        view = view_at_hand(tab, values).around(0)
        view = replace(view, query=facets.change_sort(view.query, text_from(evt, "key")))
        return show_page(tab, dataset_at_hand(tab, values), view, values[tab.shared.row])

    def choose(evt: gr.EventData):
        return numbers_from(evt, "ids")

    tab.grid.turn(turn, tab.inputs, tab.outputs, **ORDERED)
    tab.grid.pick(pick, tab.inputs, tab.outputs, **ORDERED)
    tab.grid.sort(sort, tab.inputs, tab.outputs, **ORDERED)
    tab.grid.refresh(refresh, tab.inputs, tab.outputs, **{**ORDERED, "trigger_mode": "once"})
    tab.grid.choose(told(choose), None, tab.chosen, **ORDERED)
    page = [tab.grid, tab.view, tab.filters.pills]
    tab.grid.seek(search, tab.inputs, page, **{**ORDERED, "trigger_mode": "always_last"})


def wire_filters(tab: Tab) -> None:
    """What narrows the table: counts, bars, a text in a column, and the pills that take filters away."""
    filters = tab.filters

    def narrow(values: dict, change) -> dict:
        view = view_at_hand(tab, values)
        return open_view(tab, dataset_at_hand(tab, values), replace(view, query=change(view.query)))

    @told
    def filter_rows(values: dict, evt: gr.EventData):
        return narrow(values, lambda query: facets.add_filter(query, text_from(evt, "facet"), text_from(evt, "value")))

    @told
    def filter_range(values: dict, evt: gr.EventData):
        low, high = number_from(evt, "low"), number_from(evt, "high")
        return narrow(values, lambda query: facets.set_range(query, text_from(evt, "name"), low, high))

    @told
    def contain(values: dict, evt: gr.EventData):
        column, text = text_from(evt, "column"), text_from(evt, "text")
        return narrow(values, lambda query: facets.add_contains(query, column, text))

    @told
    def unfilter(values: dict, evt: gr.EventData):
        facet, value = text_from(evt, "facet"), text_from(evt, "value")
        return narrow(values, lambda query: facets.remove_filter(query, facet, value))

    filters.facets.filter(filter_rows, tab.inputs, tab.outputs, **ORDERED)
    filters.facets.range(filter_range, tab.inputs, tab.outputs, **ORDERED)
    filters.facets.contain(contain, tab.inputs, tab.outputs, **ORDERED)
    filters.pills.unfilter(unfilter, tab.inputs, tab.outputs, **ORDERED)


def wire_counts(tab: Tab, rows: gr.Tab) -> None:
    """The pane at the left follows the view and every change."""
    filters, progress = tab.filters, tab.form.review.progress

    @told
    def count(values: dict):
        """The counts of the view; while they are worked out, facets.js asks again every second."""
        if values[tab.panel] != "rows":
            return gr.skip()
        if values[tab.shared.dataset] is None:
            return {filters.facets: "", filters.lengths: gr.Plot(visible=False), progress: ""}
        dataset, query = dataset_at_hand(tab, values), view_at_hand(tab, values).query
        found = read_facets(tab.services.home, dataset, query)
        figure = facets.draw_lengths(found, query)
        lengths = gr.Plot(figure, visible=True) if figure else gr.Plot(visible=False)
        preparing, problem = ("", "") if found.ready else describe_preparing(tab, dataset)
        html = facets.render_facets(found, query, CHECK_TITLES, dataset.columns, preparing)
        if problem:
            html = facets.render_stuck(problem) + html
        return {filters.facets: html, filters.lengths: lengths, progress: render_progress(dict(found.status))}

    @told
    def retry(values: dict):
        start(tab.services.home, dataset_at_hand(tab, values).id, "facts")
        return count(values)

    inputs = {tab.shared.dataset, tab.view, tab.toolbar.search, tab.panel}
    shown = [filters.facets, filters.lengths, progress]
    latest = {**LATEST, "concurrency_id": "data-facets"}
    gr.on([tab.view.change, tab.shared.dataset.change, tab.shared.edits.change], count, inputs, shown, **latest)
    filters.facets.refresh(count, inputs, shown, **latest)
    filters.facets.retry(retry, inputs, shown, **latest)
    rows.select(lambda: "rows", None, tab.panel, **QUIET).then(count, inputs, shown, **latest)


def describe_preparing(tab: Tab, dataset: Dataset) -> tuple[str, str]:
    """(how far the background is with counts, orders and the search, why it goes no further); one of them is "".

    The first question for them has started it.
    """
    progress = read_progress(tab.services.home, dataset.id, "facts")
    if progress.state in ("failed", "stopped"):
        return "", progress.error or "The rows were not read to the end."
    return f"Counting and indexing the rows: {progress.fraction:.0%}", ""


def wire_preview(tab: Tab) -> None:
    """What the model sees of the row, as its texts are typed."""
    form, recipe = tab.form, tab.shared.recipe

    def draw(values: dict) -> str:
        """While a model is on its way, grid.js asks again every second (data-waiting)."""
        model = read_recipe(values[recipe]).model
        waiting = tab.services.shelf.look(model.name, model.revision).state == "loading"
        return f"<div{' data-waiting' if waiting else ''}>{preview_row(tab, values)}</div>"

    inputs = {form.opened, recipe, *form.fields}
    latest = {**LATEST, "concurrency_id": "data-preview"}
    gr.on([form.opened.change, recipe.change], draw, inputs, form.preview, **latest)
    tab.grid.typed(draw, inputs, form.preview, **latest)


def preview_row(tab: Tab, values: dict) -> str:
    """The token view of the row with its unsaved texts; nothing where there is no row."""
    try:
        opened = cells.read_opened(values[tab.form.opened])
        if opened is None:
            return ""
        dataset = open_dataset(tab.services.home, opened.dataset)
        row = dataset.row(opened.row)
        typed = cells.read_texts([values[field] for field in tab.form.fields], row.values, dataset.mapping)
    except StudioError as error:  # JSON that is not complete yet: no toast for every key
        return note(str(error))
    return render_preview(tab.services, values[tab.shared.recipe], opened.dataset, row.id, typed)
