"""What the panels beside the rows have in common: each is filled when it is opened, and when rows change meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import gradio as gr

from components.data.cells import show_cell
from components.data.parts import Tab
from components.data.wiring import LATEST, ORDERED, text_from
from components.shared import FOLLOWING, told
from studio.errors import DataError

SCRIPT = Path(__file__).with_name("panel.js")
LONGEST_CELL = 400

Act = Callable[[dict, gr.EventData], dict]


def lay_out_panel(elem_id: str) -> gr.HTML:
    """The HTML of a panel; its buttons (`data-act`) become events of that name."""
    return gr.HTML(elem_id=elem_id, js_on_load=SCRIPT.read_text(encoding="utf-8"), apply_default_css=False)


def fill_when_seen(
    tab: Tab, panel: gr.Tab, fill: Callable[[dict], dict], inputs: set, outputs: list, also: Sequence = ()
) -> None:
    """Call `fill` when the panel is opened, and while it is open when the dataset or its rows change.

    `also`: other events on which it follows.
    """
    everything = tab.inputs | inputs | {tab.panel}

    def open_panel(values: dict) -> dict:
        return {tab.panel: panel.id, **fill(values)}

    def follow(values: dict):
        return fill(values) if values[tab.panel] == panel.id else gr.skip()

    panel.select(told(open_panel), everything, [tab.panel, *outputs], **LATEST)
    changed = [tab.shared.dataset.change, tab.shared.edits.change, *also]
    gr.on(changed, told(follow), everything, outputs, **FOLLOWING, concurrency_id=f"data-panel-{panel.id}")


def wire_acts(shown: gr.HTML, acts: Mapping[str, Act], inputs: set, outputs: list) -> None:
    """Call the function of a button's `data-act`; DataError for one that the panel does not have."""

    @told
    def act(values: dict, evt: gr.EventData):
        name = text_from(evt, "act")
        if name not in acts:
            raise DataError(f"There is no button {name[:40]!r} here. Reload the page.")
        return acts[name](values, evt)

    shown.act(act, inputs, outputs, **ORDERED)


def render_first_step(text: str) -> str:
    """What to do where there is nothing to show yet."""
    return f'<p class="muted first-step">{escape(text)}</p>'


def render_values(values: Mapping[str, object]) -> str:
    """A row's cells below each other, clipped."""
    return "".join(
        f"<dt>{escape(column)}</dt><dd>{escape(clip(show_cell(value)))}</dd>" for column, value in values.items()
    )


def clip(text: str, most: int = LONGEST_CELL) -> str:
    return text if len(text) <= most else text[:most] + "…"


def button(act: str, label: str, **data: object) -> str:
    """A button that panel.js reports with its data; `wire_acts` says what it does."""
    said = "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())
    return f'<button type="button" data-act="{act}"{said}>{escape(label)}</button>'
