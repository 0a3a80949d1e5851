"""The Quality panel: what the checks found, worst first; the rows at a click, and repairs that are seen before."""

from collections.abc import Callable, Mapping

import gradio as gr

from components.data.differences import count_rows
from components.data.grid import View
from components.data.panels import Act, fill_when_seen, lay_out_panel, render_first_step, wire_acts
from components.data.parts import Tab
from components.data.quality_view import render_conflicts, render_proposals, render_quality
from components.data.views import after_change, dataset_at_hand, open_view, render_notice, view_at_hand
from components.data.wiring import LATEST, number_from, numbers_from_text, text_from
from components.shared import FOLLOWING, read_recipe, refuse_read_only, told
from studio.data import background
from studio.data.checks import repairs
from studio.data.checks.results import read_findings, read_summary
from studio.data.store.dataset import Dataset
from studio.data.view import Query

CONFLICTS = "conflicting_answers"
MOST_CONFLICTS = 60
CHANGED = "Rows changed since this was worked out, so nothing was done. Look at it, then press again."


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
        return {looked: show_repair(tab, dataset, name)}

    acts = {
        "run": run,
        "stop": stop,
        "rows": lambda values, evt: show_checked(tab, values, text_from(evt, "check")),
        "look": look,
        **repair_acts(tab, looked, fill),
        "close": lambda values, evt: {looked: ""},
    }
    fill_when_seen(tab, panel, fill, set(), [shown, looked])
    outputs = [*tab.outputs, tab.panel, shown, looked]
    inputs = tab.inputs | {tab.shared.recipe}
    shown.refresh(told(fill), inputs, [shown, looked], **LATEST)
    tab.shared.dataset.change(lambda: "", None, looked, **FOLLOWING)  # proposals about the rows of another dataset
    wire_acts(shown, acts, inputs, outputs)
    wire_acts(looked, acts, inputs, outputs)


def repair_acts(tab: Tab, looked: gr.HTML, fill: Callable[[dict], dict]) -> dict[str, Act]:
    """The buttons that change rows: a repair as it was seen, or a choice between contradicting rows."""

    def repair(values: dict, evt: gr.EventData) -> dict:
        refuse_read_only(tab.services)
        dataset, name = dataset_at_hand(tab, values), text_from(evt, "check")
        if text_from(evt, "seen") != stamp_of(dataset):
            return {looked: render_notice(CHANGED, "problem") + show_repair(tab, dataset, name)}
        count = repairs.apply(dataset, repairs.propose(tab.services.home, dataset, name), name)
        said = f"{count_rows(count)} repaired; Undo takes it back"
        return after_change(tab, values, dataset, values[tab.shared.row], said) | fill(values) | {looked: ""}

    def choose(proposals_of):
        """A person's choice between rows that contradict each other."""

        def choose_rows(values: dict, evt: gr.EventData) -> dict:
            refuse_read_only(tab.services)
            dataset = dataset_at_hand(tab, values)
            if text_from(evt, "seen") != stamp_of(dataset):
                return {looked: render_notice(CHANGED, "problem") + show_conflicts(tab, dataset)}
            repairs.apply(dataset, proposals_of(dataset, evt), CONFLICTS)
            shown_now = after_change(tab, values, dataset, values[tab.shared.row], "Chosen; Undo takes it back")
            return shown_now | fill(values) | {looked: show_conflicts(tab, dataset)}

        return choose_rows

    merge = choose(lambda dataset, evt: repairs.propose_merge(dataset, numbers_from_text(evt, "rows")))
    return {"repair": repair, "keep": choose(keep_one), "merge": merge}


def show_repair(tab: Tab, dataset: Dataset, name: str) -> str:
    """What a repair would do. Stamped before the rows are read, so that nothing is done that was not seen."""
    stamp = stamp_of(dataset)
    return render_proposals(name, repairs.propose(tab.services.home, dataset, name), tab.services.read_only, stamp)


def stamp_of(dataset: Dataset) -> str:
    """Differs where a repair would do something else than was seen."""
    return f"{dataset.id}:{dataset.version}"


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
    stamp = stamp_of(dataset)
    groups: dict[int, list[int]] = {}
    for finding in read_findings(tab.services.home, dataset, CONFLICTS, 0, MOST_CONFLICTS):
        groups.setdefault(finding.group, []).append(finding.row_id)
    rows = {row.id: row for row in dataset.rows_by_id([row_id for ids in groups.values() for row_id in ids])}
    found = [[rows[row_id] for row_id in ids if row_id in rows] for ids in groups.values()]
    groups_left = [group for group in found if len(group) > 1]
    return render_conflicts(groups_left, dataset.mapping, tab.services.read_only, stamp)
