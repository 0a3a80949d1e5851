"""The header of every tab: the state of the loop as four chips; a click opens the tab."""

from html import escape

import gradio as gr

from components.run_view import describe_run_chip
from components.shared import FOLLOWING, QUIET, Services, Shared, read_recipe
from studio.data.store import open_dataset
from studio.errors import StudioError
from studio.runs.folder import choose_run, open_run
from studio.runs.history import read_history

OPEN_TAB = """
element.addEventListener('click', (event) => {
  const chip = event.target.closest('[data-tab]');
  if (chip) trigger('open_tab', { tab: chip.dataset.tab });
});
"""


def build_header(services: Services, shared: Shared) -> gr.HTML:
    """The chips; `wire_header` lets them open tabs once these are there."""
    header = gr.HTML(js_on_load=OPEN_TAB, elem_id="studio-header")
    state = {shared.dataset, shared.recipe, shared.run}
    drawn = gr.State("")

    def draw(data: dict) -> dict:
        html = describe_loop(services, data[shared.dataset], data[shared.recipe], data[shared.run])
        if html == data[drawn]:
            return {drawn: gr.skip()}
        return {header: html, drawn: html}

    shared.timer.tick(draw, {*state, drawn}, [header, drawn], queue=False, **QUIET)
    changes = [shared.dataset.change, shared.recipe.change, shared.run.change, shared.edits.change]
    gr.on(changes, draw, {*state, drawn}, [header, drawn], queue=False, **FOLLOWING)
    return header


def wire_header(header: gr.HTML, tabs: gr.Tabs) -> None:
    """A click on a chip opens its tab."""

    def open_tab(event: gr.EventData) -> gr.Tabs:
        return gr.Tabs(selected=event.tab)

    header.open_tab(open_tab, None, tabs, queue=False, show_progress="hidden", api_visibility="private")


def describe_loop(services: Services, dataset_id: str | None, recipe_values: dict, run_name: str | None) -> str:
    """The header's HTML."""
    recipe = read_recipe(recipe_values)
    model = services.shelf.look(recipe.model.name, recipe.model.revision)
    model_state = {"ready": "ready", "loading": "amber", "failed": "failed"}[model.state]
    quantization = "" if recipe.quantization.kind == "none" else f" · {recipe.quantization.kind}"
    known = choose_run(services.home, run_name)
    run_text, run_state, share = describe_run_chip(read_history(open_run(services.home, known)) if known else None)
    chips = [
        chip("data", *describe_dataset_chip(services, dataset_id)),
        chip("template", f"template: {recipe.template.name}", model_state),
        chip("model", f"model: {recipe.model.name.rpartition('/')[2]} · LoRA{quantization}", model_state),
        chip("train", run_text, run_state, share),
    ]
    return f'<div class="studio-header"><h1>SFT Studio</h1>{"".join(chips)}</div>'


def describe_dataset_chip(services: Services, dataset_id: str | None) -> tuple[str, str]:
    """Text and state."""
    if not dataset_id:
        return "dataset: none yet", ""
    try:
        info = open_dataset(services.home, dataset_id).info()
    except StudioError:
        return "dataset: no longer there", "failed"
    return f"dataset: {info.name} · {info.rows:,} rows", "ready" if info.rows else "amber"


def chip(tab: str, text: str, state: str, share: float | None = None) -> str:
    """One chip: a button with a dot that tells the state, and a bar while a run goes."""
    bar = "" if share is None else f'<span class="bar"><i style="width:{share:.0%}"></i></span>'
    return (
        f'<button class="chip tabular {state}" data-tab="{tab}" aria-label="{escape(text)}: open {tab}">'
        f'<span class="dot"></span>{escape(text)}{bar}</button>'
    )
