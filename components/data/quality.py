"""The Quality panel: what the checks found, worst first; the rows at a click, and repairs that are seen before."""

from collections.abc import Mapping

import gradio as gr

from components.data.grid import View
from components.data.panels import fill_when_seen, lay_out_panel, render_first_step, wire_acts
from components.data.parts import Tab
from components.data.quality_view import render_conflicts, render_proposals, render_quality
from components.data.views import after_change, dataset_at_hand, open_view, view_at_hand
from components.data.wiring import number_from, numbers_from_text, text_from
from components.shared import read_recipe, refuse_read_only
from studio.data import background
from studio.data.checks import repairs
from studio.data.checks.results import read_findings, read_summary
from studio.data.store.dataset import Dataset
from studio.data.view import Query

CONFLICTS = "conflicting_answers"
MOST_CONFLICTS = 60


def build_quality_panel(tab: Tab, panel: gr.Tab) -> None:
    """One HTML: a line for every check; below it the repair that is looked at."""
    shown = lay_out_panel("data-quality")
    looked = lay_out_panel("data-repair")
    home = tab.services.home

    def fill(values: dict) -> dict:
        if values[tab.shared.dataset] is None:
            return {shown: render_first_step("There is no dataset yet. Press “Add data”."), looked: ""}
        dataset = dataset_at_hand(tab, values)
        progress = background.read_progress(home, dataset.id, "checks")
        return {shown: render_quality(read_summary(home, dataset), progress, tab.services.read_only)}

    def run(values: dict, evt: gr.EventData) -> dict:
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        background.start(home, dataset.id, "checks", choose_options(tab, values))
        return {**fill(values), looked: ""}

    def stop(values: dict, evt: gr.EventData) -> dict:
        background.stop(home, dataset_at_hand(tab, values).id, "checks")
        return fill(values)

    def look(values: dict, evt: gr.EventData) -> dict:
        """What a repair would do to every row, before anything is done."""
        dataset, name = dataset_at_hand(tab, values), text_from(evt, "check")
        if name == CONFLICTS:
            return {looked: show_conflicts(tab, dataset)}
        return {looked: render_proposals(name, repairs.propose(home, dataset, name), tab.services.read_only)}

    def repair(values: dict, evt: gr.EventData) -> dict:
        refuse_read_only(tab.services)
        dataset, name = dataset_at_hand(tab, values), text_from(evt, "check")
        count = repairs.apply(dataset, repairs.propose(home, dataset, name), name)
        said = f"{count:,} row{'s' * (count != 1)} repaired; Undo takes it back"
        return after_change(tab, values, dataset, values[tab.shared.row], said) | fill(values) | {looked: ""}

    def choose(proposals_of):
        """A person's choice between rows that contradict each other."""

        def choose_rows(values: dict, evt: gr.EventData) -> dict:
            refuse_read_only(tab.services)
            dataset = dataset_at_hand(tab, values)
            repairs.apply(dataset, proposals_of(dataset, evt), CONFLICTS)
            shown_now = after_change(tab, values, dataset, values[tab.shared.row], "Chosen; Undo takes it back")
            return shown_now | fill(values) | {looked: show_conflicts(tab, dataset)}

        return choose_rows

    acts = {
        "run": run,
        "stop": stop,
        "rows": lambda values, evt: show_checked(tab, values, text_from(evt, "check")),
        "look": look,
        "repair": repair,
        "keep": choose(keep_one),
        "merge": choose(lambda dataset, evt: repairs.propose_merge(dataset, numbers_from_text(evt, "rows"))),
        "close": lambda values, evt: {looked: ""},
    }
    fill_when_seen(tab, panel, fill, set(), [shown, looked])
    outputs = [*tab.outputs, tab.panel, shown, looked]
    inputs = tab.inputs | {tab.shared.recipe}
    shown.refresh(fill, inputs, [shown, looked], **{"show_progress": "hidden", "api_visibility": "private"})
    wire_acts(shown, acts, inputs, outputs)
    wire_acts(looked, acts, inputs, outputs)


def keep_one(dataset: Dataset, evt: gr.EventData) -> list[repairs.Proposal]:
    """Of contradicting rows one stays."""
    return repairs.propose_choice(dataset, number_from(evt, "kept"), numbers_from_text(evt, "rows"))


def show_checked(tab: Tab, values: Mapping, check: str) -> dict:
    """The Rows panel, filtered to what a check found."""
    view = view_at_hand(tab, values)
    opened = open_view(tab, dataset_at_hand(tab, values), View(size=view.size, query=Query(checks=(check,))))
    return opened | {tab.panels: gr.Tabs(selected="rows"), tab.panel: "rows"}


def choose_options(tab: Tab, values: Mapping) -> dict:
    """Lengths are counted with the model and template at hand, if its tokenizer is here."""
    recipe = read_recipe(values[tab.shared.recipe])
    shelved = tab.services.shelf.look(recipe.model.name, recipe.model.revision)
    if shelved.state != "ready":
        return {}
    template = recipe.template.model_dump()
    return {"model": str(shelved.files.folder), "template": template, "max_length": recipe.train.max_length}


def show_conflicts(tab: Tab, dataset: Dataset) -> str:
    """Rows with the same prompt and different answers, side by side."""
    groups: dict[int, list[int]] = {}
    for finding in read_findings(tab.services.home, dataset, CONFLICTS, 0, MOST_CONFLICTS):
        groups.setdefault(finding.group, []).append(finding.row_id)
    rows = {row.id: row for row in dataset.rows_by_id([row_id for ids in groups.values() for row_id in ids])}
    found = [[rows[row_id] for row_id in ids if row_id in rows] for ids in groups.values()]
    return render_conflicts([group for group in found if len(group) > 1], dataset.mapping, tab.services.read_only)
