"""The run as it goes: progress, charts, report and log, followed by the page's clock."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from components.charts import draw_loss, draw_small
from components.run_view import describe_log, describe_report, describe_run_progress
from components.shared import FOLLOWING, QUIET, Services, Shared, refuse_read_only, told
from components.token_view import note
from studio.runs.folder import choose_run, list_runs, open_run
from studio.runs.history import History, read_history, state_mark
from studio.runs.start import request_stop

SMALL = (("learning_rate", "Learning rate"), ("grad_norm", "Gradient norm"), ("tokens_per_s", "Tokens per second"))


@dataclass(frozen=True)
class RunPanel:
    """The panel's components, and `draw(run name or None)`, which fills them."""

    outputs: list[gr.components.Component]
    draw: Callable[[str | None], dict]


def build_run_panel(services: Services, shared: Shared) -> RunPanel:
    """The lower part of the Train tab."""
    seen = gr.State("")
    with gr.Row(equal_height=False):
        shown_run = gr.Dropdown([], label="Run shown", elem_id="run-shown", scale=2, min_width=180)
        with gr.Column(scale=8):
            progress = gr.HTML(elem_id="run-progress", min_height=96)
        stop = gr.Button("Save and stop", elem_id="run-stop", interactive=False, scale=1, min_width=140)
    report = gr.HTML(elem_id="run-report")
    with gr.Row(equal_height=False):
        with gr.Column(scale=7):
            loss = gr.Plot(show_label=False, elem_id="chart-loss")
        with gr.Column(scale=4):
            small = {key: gr.Plot(show_label=False, elem_id=f"chart-{key}") for key, _ in SMALL}
    log = gr.HTML(elem_id="run-log")
    outputs = [shown_run, seen, progress, stop, report, loss, *small.values(), log]

    def draw(name: str | None) -> dict:
        runs = gr.Dropdown([run.name for run in list_runs(services.home)], value=name)
        if not name:
            empty = {progress: note("No run yet. Check the card above, then press Start.")}
            return {shown_run: runs, **empty, **draw_charts(History("", ""))}
        run = open_run(services.home, name)
        history = read_history(run)
        return {
            shown_run: runs,
            seen: state_mark(run),
            progress: describe_run_progress(run, history),
            stop: gr.update(interactive=history.active and not services.read_only),
            report: describe_report(run),
            log: describe_log(run, history),
            **draw_charts(history),
        }

    def draw_charts(history: History) -> dict:
        return {
            loss: draw_loss(history),
            **{small[key]: draw_small(history, key, title) for key, title in SMALL},
        }

    def poll(data: dict) -> dict:
        name = choose_run(services.home, data[shared.run])
        if not name or state_mark(open_run(services.home, name)) == data[seen]:
            return {seen: gr.skip()}
        return draw(name)

    def end(data: dict) -> dict:
        refuse_read_only(services)
        name = choose_run(services.home, data[shared.run])
        request_stop(open_run(services.home, name))
        return draw(name)

    stop.click(told(end), {shared.run}, outputs, **QUIET)
    shown_run.input(lambda name: name, shown_run, shared.run, **QUIET)
    shared.run.change(
        told(lambda data: draw(choose_run(services.home, data[shared.run]))), {shared.run}, outputs, **FOLLOWING
    )
    shared.timer.tick(told(poll), {shared.run, seen}, outputs, queue=False, **QUIET)
    return RunPanel(outputs, draw)
