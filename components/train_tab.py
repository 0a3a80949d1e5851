"""The Train tab: what would be trained, the start, and below it the run as it goes."""

import gradio as gr

from components.run_panel import build_run_panel
from components.run_view import describe_plan
from components.shared import QUIET, Services, Shared, read_recipe, refuse_read_only, told
from components.token_view import note, waiting
from studio.errors import RunError, StudioError
from studio.runs.folder import choose_run
from studio.runs.names import next_name
from studio.runs.start import plan_run, start_run
from studio.settings import Recipe


def build_train_tab(services: Services, shared: Shared, tab: gr.Tab) -> None:
    """Top: the run preview and Start. Below: progress, charts, the report and the log."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=8):
            card = gr.HTML(elem_id="run-preview", min_height=130)
        with gr.Column(scale=3, min_width=240):
            name = gr.Textbox(label="Name of the run", elem_id="run-name", max_length=64)
            start = gr.Button("Start", variant="primary", elem_id="run-start", interactive=not services.read_only)
            if services.read_only:
                gr.Markdown("This public demo is read-only: duplicate the Space to train.", elem_classes="caution")
    waits = gr.State(False)
    panel = build_run_panel(services, shared)
    state = {shared.recipe, shared.dataset, shared.run}

    def preview(data: dict) -> dict:
        recipe = read_recipe(data[shared.recipe])
        model = services.shelf.look(recipe.model.name, recipe.model.revision)
        return {card: describe_next_run(services, recipe, data[shared.dataset]), waits: model.state == "loading"}

    def open_tab(data: dict) -> dict:
        return {
            **preview(data),
            name: next_name(services.home, data[shared.dataset] or "run"),
            **panel.draw(choose_run(services.home, data[shared.run])),
        }

    def begin(data: dict) -> dict:
        refuse_read_only(services)
        if not data[shared.dataset]:
            raise RunError("There is no dataset to train on. Load or type one in the Data tab first.")
        recipe = read_recipe(data[shared.recipe])
        run = start_run(services.home, recipe, data[shared.dataset], data[name].strip(), services.renderer)
        return {shared.run: run.name, **open_tab({**data, shared.run: run.name})}

    outputs = [card, waits, name, *panel.outputs]
    tab.select(told(open_tab), state, outputs, **QUIET)
    shared.timer.tick(
        told(lambda data: preview(data) if data[waits] else {waits: gr.skip()}),
        {*state, waits}, [card, waits], queue=False, **QUIET,
    )  # fmt: skip
    start.click(
        told(begin), {*state, name}, [shared.run, *outputs],
        show_progress="minimal", show_progress_on=start, api_visibility="private",
    )  # fmt: skip


def describe_next_run(services: Services, recipe: Recipe, dataset_id: str | None) -> str:
    """The card of the run that Start would start, or what stands in its way."""
    if not dataset_id:
        return note("No dataset yet: load an example or your own rows in the Data tab.")
    try:
        model = services.shelf.look(recipe.model.name, recipe.model.revision)
        if model.state != "ready":
            return waiting(model)
        plan = plan_run(services.home, recipe, dataset_id, services.renderer)
        return describe_plan(recipe, dataset_id, plan)
    except StudioError as error:
        return f'<div class="plan"><b class="problem">Not ready</b>{note(str(error), "problem")}</div>'
