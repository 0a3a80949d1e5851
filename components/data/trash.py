"""The Trash panel: deleted rows, the last deleted first, each with a button that brings it back to its place."""

import gradio as gr

from components.data.differences import count_rows
from components.data.panels import (
    button,
    fill_when_seen,
    lay_out_panel,
    render_first_step,
    render_values,
    wire_acts,
)
from components.data.parts import Tab
from components.data.views import after_change, dataset_at_hand
from components.data.wiring import number_from
from components.shared import refuse_read_only
from studio.data.store.dataset import Dataset

PAGE = 50


def build_trash_panel(tab: Tab, panel: gr.Tab) -> None:
    """Lay the panel out and wire it; called inside its gr.Tab."""
    shown = lay_out_panel("data-trash")
    offset = gr.State(0)

    def fill(values: dict) -> dict:
        if values[tab.shared.dataset] is None:
            return {shown: render_first_step("There is no dataset yet. Press “Add data”.")}
        return {shown: render_trash(dataset_at_hand(tab, values), values[offset], tab.services.read_only)}

    def restore(values: dict, evt: gr.EventData):
        refuse_read_only(tab.services)
        dataset, row_id = dataset_at_hand(tab, values), number_from(evt, "row")
        dataset.restore([row_id])
        return after_change(tab, values, dataset, row_id, f"Row {row_id} is back in its place") | fill(values)

    def turn(values: dict, evt: gr.EventData):
        place = number_from(evt, "offset")
        return {offset: place, **fill({**values, offset: place})}

    fill_when_seen(tab, panel, fill, {offset}, [shown])
    wire_acts(shown, {"restore": restore, "turn": turn}, tab.inputs | {offset}, [*tab.outputs, shown, offset])


def render_trash(dataset: Dataset, offset: int, read_only: bool) -> str:
    """A page of deleted rows."""
    total = dataset.trash_count()
    if not total:
        return render_first_step(
            "The trash is empty: no row was deleted. What you delete waits here, and can come back."
        )
    offset = min(offset, (total - 1) // PAGE * PAGE)  # rows came back, or another dataset is at hand
    items = []
    for found in dataset.trash(offset, PAGE):
        back = "" if read_only else button("restore", "Restore", row=found.row.id)
        when = found.at[:16].replace("T", " ")
        items.append(
            f'<article class="card"><header><b class="tabular">Row {found.row.id}</b>'
            f'<span class="muted">deleted {when}</span>{back}</header>'
            f"<dl>{render_values(found.row.values)}</dl></article>"
        )
    before = button("turn", "Previous", offset=max(0, offset - PAGE)) if offset else ""
    after = button("turn", "Next", offset=offset + PAGE) if offset + PAGE < total else ""
    rows = count_rows(total)
    return f'<div class="panel"><p class="muted tabular">{rows} in the trash {before}{after}</p>{"".join(items)}</div>'
