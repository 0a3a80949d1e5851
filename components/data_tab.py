"""The Data tab: pages of rows, the form of the selected row, and where rows come from."""

import secrets
from pathlib import Path

import gradio as gr
from gradio.context import Context

from components import cells, data_editing, data_importing
from components.data_parts import Tab, lay_out
from components.data_views import (
    dataset_at_hand,
    show_dataset,
    show_nothing,
    show_page,
    show_row,
    view_at_hand,
)
from components.data_wiring import ORDERED, number_from
from components.grid import read_view
from components.shared import QUIET, Services, Shared, read_recipe, told
from components.token_view import note, render_preview
from studio.data.export import export_dataset
from studio.data.store import list_datasets, open_dataset
from studio.errors import DataError, StudioError

# The file is ready when the hidden button has its address; a link cannot be made before the file is.
START_DOWNLOAD = "() => document.querySelector('#data-download a, a#data-download, #data-download')?.click()"


def build_data_tab(services: Services, shared: Shared) -> None:
    """Lay the tab out and wire it; called inside its gr.Tab."""
    tab = lay_out(services, shared)
    wire_opening(tab)
    wire_reading(tab)
    wire_preview(tab)
    wire_export(tab)
    data_importing.wire(tab)
    data_editing.wire(tab)


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
    tab.toolbar.dataset.input(switch, tab.inputs | {tab.toolbar.dataset}, tab.outputs, **QUIET)
    gr.on([tab.shared.dataset.change, tab.shared.row.change], follow, tab.inputs, tab.outputs, **ORDERED)


def wire_reading(tab: Tab) -> None:
    """Pages, search, and the selected row."""

    @told
    def turn(values: dict, evt: gr.EventData):
        asked = {"offset": number_from(evt, "offset"), "size": number_from(evt, "size")}
        view = read_view(asked, values[tab.toolbar.search] or "")
        dataset = dataset_at_hand(tab, values)
        edge = evt._data.get("edge")
        if edge not in ("first", "last"):
            return show_page(tab, dataset, view, values[tab.shared.row])
        rows = dataset.page(view.offset, view.size, view.search)
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
        view = read_view({**values[tab.view], "offset": 0}, values[tab.toolbar.search] or "")
        return show_page(tab, dataset_at_hand(tab, values), view, values[tab.shared.row])

    tab.grid.turn(turn, tab.inputs, tab.outputs, **ORDERED)
    tab.grid.pick(pick, tab.inputs, tab.outputs, **ORDERED)
    tab.grid.seek(
        search, tab.inputs, [tab.grid, tab.view], trigger_mode="always_last", concurrency_id="data-search", **QUIET
    )


def wire_preview(tab: Tab) -> None:
    """What the model sees of the row, as its texts are typed."""
    form, recipe = tab.form, tab.shared.recipe

    def draw(values: dict) -> str:
        """While a model is on its way, grid.js asks again every second (data-waiting)."""
        model = read_recipe(values[recipe]).model
        waiting = tab.services.shelf.look(model.name, model.revision).state == "loading"
        return f"<div{' data-waiting' if waiting else ''}>{preview_row(tab, values)}</div>"

    inputs = {form.opened, recipe, *form.fields}
    latest = {**QUIET, "trigger_mode": "always_last", "concurrency_id": "data-preview"}
    gr.on([form.opened.change, recipe.change], draw, inputs, form.preview, **latest)
    tab.grid.typed(draw, inputs, form.preview, **latest)


def preview_row(tab: Tab, values: dict) -> str:
    """The token view of the row with its unsaved texts; nothing where there is no row."""
    try:
        opened = cells.read_opened(values[tab.form.opened])
        if opened is None:
            return ""
        row = open_dataset(tab.services.home, opened.dataset).row(opened.row)
        typed = cells.read_texts([values[field] for field in tab.form.fields], row.values)
    except StudioError as error:  # JSON that is not complete yet: no toast for every key
        return note(str(error))
    return render_preview(tab.services, values[tab.shared.recipe], opened.dataset, row.id, typed)


def wire_export(tab: Tab) -> None:
    """The dataset as a JSONL file that holds every value exactly."""
    bar = tab.toolbar

    @told
    def export(values: dict):
        dataset = dataset_at_hand(tab, values)
        folder = Path(bar.download.GRADIO_CACHE) / f"export-{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise DataError(f"The file could not be written ({error.strerror}). Check the disk.") from error
        export_dataset(dataset, "jsonl", folder / f"{dataset.id}.jsonl")
        return {bar.download: str(folder / f"{dataset.id}.jsonl")}

    made = bar.export.click(export, {tab.shared.dataset}, [bar.download], **QUIET)
    made.success(fn=None, js=START_DOWNLOAD, api_visibility="private")
