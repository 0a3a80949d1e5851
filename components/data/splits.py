"""The Splits panel: which rows train, which draw the eval loss, which are the test; and what stands in two of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import gradio as gr

from components.data.grid import View
from components.data.panels import button, fill_when_seen, lay_out_panel, render_first_step, wire_acts
from components.data.parts import Tab
from components.data.views import dataset_at_hand, open_view, view_at_hand
from components.data.wiring import LATEST, text_from
from components.form import build_form
from components.shared import read_recipe, told
from studio.data.splits import SPLITS, Leak, find_leaks, load_assignment
from studio.data.store.dataset import Dataset
from studio.data.view import Query, read_facets
from studio.errors import DataError, SettingsError
from studio.home import Home
from studio.settings import DataSettings, change

TITLES = {"train": "Train", "eval": "Eval", "test": "Test"}
WHAT_FOR = {
    "train": "the model learns from these",
    "eval": "draw the eval loss while it learns",
    "test": "asked before and after; never learned",
}
MOST_LEAKS = 50


@dataclass(frozen=True)
class SplitCounts:
    """Rows of a split by review status."""

    split: str
    statuses: Mapping[str, int]

    def used(self, accepted_only: bool) -> int:
        """How many of them a run takes."""
        statuses = ("accepted",) if accepted_only else ("accepted", "pending")
        return sum(self.statuses.get(status, 0) for status in statuses)


def build_splits_panel(tab: Tab, panel: gr.Tab) -> None:
    """Left: the settings, which are the recipe's. Right: what they amount to."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            form = build_form(["data"], advanced=None, place="split")
        with gr.Column(scale=7, min_width=420):
            shown = lay_out_panel("data-splits")
    recipe = tab.shared.recipe
    controls = list(form.controls.values())

    def draw(values: dict) -> dict:
        if values[tab.shared.dataset] is None:
            return {shown: render_first_step("There is no dataset yet. Press “Add data”.")}
        settings = read_recipe(values[recipe]).data
        try:
            return {shown: describe_splits(tab.services.home, dataset_at_hand(tab, values), settings)}
        except DataError as error:  # a column's name that is half typed: no message for every key
            return {shown: render_first_step(str(error))}

    def fill(values: dict) -> dict:
        return {**form.values(read_recipe(values[recipe])), **draw(values)}

    @told
    def edit(values: dict):
        asked = {path: values[control] for path, control in form.controls.items()}
        try:
            changed = change(read_recipe(values[recipe]), asked).model_dump()
        except SettingsError as error:
            return {shown: render_first_step(str(error))}
        if changed == values[recipe]:
            return gr.skip()
        return {recipe: changed, **draw({**values, recipe: changed})}

    def show_rows(values: dict, evt: gr.EventData) -> dict:
        view = View(size=view_at_hand(tab, values).size, query=Query(splits=(text_from(evt, "split"),)))
        opened = open_view(tab, dataset_at_hand(tab, values), view)
        return opened | {tab.panels: gr.Tabs(selected="rows"), tab.panel: "rows"}

    back = panel.parent.parent.select  # from the Model tab, say, where the same settings can be changed
    fill_when_seen(tab, panel, fill, {recipe}, [shown, *controls], [back])
    gr.on(
        [control.change for control in controls],
        edit,
        tab.inputs | {recipe, *controls},
        [recipe, shown],
        **LATEST,
    )
    shown.refresh(told(draw), tab.inputs | {recipe}, [shown], **LATEST)
    wire_acts(shown, {"rows": show_rows}, tab.inputs, [*tab.outputs, tab.panel])


def describe_splits(home: Home, dataset: Dataset, settings: DataSettings) -> str:
    """The splits as a table, what is worth knowing of them, and the leaks. They are kept for the filter by split."""
    assignment = load_assignment(home, dataset, settings)
    found = {split: read_facets(home, dataset, Query(splits=(split,))) for split in SPLITS}
    if not all(each.ready for each in found.values()):
        return '<p class="muted first-step" role="status" data-waiting>The rows are being counted …</p>'
    counts = [SplitCounts(split, dict(each.status)) for split, each in found.items()]
    leaks = find_leaks(home, dataset, assignment.splits)
    notes = "".join(f"<li>{escape(note)}</li>" for note in assignment.notes)
    return (
        f'<div class="panel">{render_table(counts, settings.accepted_only)}'
        f"{f'<ul class=notes>{notes}</ul>' if notes else ''}{render_leaks(leaks)}</div>"
    )


def render_table(counts: list[SplitCounts], accepted_only: bool) -> str:
    """Every split: how many rows of it a run takes, and why the others stay out."""
    total = sum(each.used(accepted_only) for each in counts) or 1
    rows = []
    for each in counts:
        used = each.used(accepted_only)
        rows.append(
            f'<tr><th scope="row">{TITLES[each.split]}<span class="muted">{WHAT_FOR[each.split]}</span></th>'
            f'<td><b>{used:,}</b><span class="share"><i style="width:{used / total:.1%}"></i></span></td>'
            f"<td>{used / total:.0%}</td><td>{describe_left_out(each, accepted_only)}</td>"
            f"<td>{button('rows', 'Show rows', split=each.split)}</td></tr>"
        )
    return (
        '<table class="plain tabular"><thead><tr><th scope="col">Split</th><th scope="col">Rows used</th>'
        '<th scope="col">Share</th><th scope="col">Stay out</th><th scope="col"></th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def describe_left_out(counts: SplitCounts, accepted_only: bool) -> str:
    """ "3 discarded, 1 draft" """
    reasons = ("discarded", "draft", "pending") if accepted_only else ("discarded", "draft")
    found = [f"{counts.statuses[status]:,} {status}" for status in reasons if counts.statuses.get(status)]
    return ", ".join(found) or "none"


def render_leaks(leaks: list[Leak]) -> str:
    """Prompts that stand in two splits: an answer learned by heart would count as understood."""
    if not leaks:
        return "<h3>Leaks</h3><p>No prompt stands in two splits.</p>"
    items = "".join(f"<li>{describe_leak(leak)}</li>" for leak in leaks[:MOST_LEAKS])
    more = f"<li>and {len(leaks) - MOST_LEAKS:,} more</li>" if len(leaks) > MOST_LEAKS else ""
    return (
        f"<h3>Leaks</h3><p class='caution'>{len(leaks):,} prompts stand in two splits, so that the test would ask what "
        f"was learned. Keep duplicates together, or delete one of each.</p><ul class='notes'>{items}{more}</ul>"
    )


def describe_leak(leak: Leak) -> str:
    kind = "the same prompt" if leak.exact else "nearly the same prompt"
    where = ", ".join(f"row {row_id} in {split}" for row_id, split in list(leak.rows.items())[:8])
    return f"{kind}: {where}{', ...' if len(leak.rows) > 8 else ''}"
