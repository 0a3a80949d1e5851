"""The parts of the Compare tab and where they stand; what they do is wired in compare_tab."""

import json
from dataclasses import dataclass

import gradio as gr

from components import compare_view as view
from studio.inference.requests import GenerationOptions

COLUMNS = ("base", "tuned")
HEIGHT = 340
IDLE, ASKING, WIPED = "idle", "asking", "wiped"

LABELS = {
    "temperature": "Temperature",
    "top_p": "Top-p",
    "top_k": "Top-k",
    "repetition_penalty": "Repetition penalty",
    "max_new_tokens": "Max new tokens",
    "seed": "Seed",
}
TOGGLE_DRAWER = """() => {
    const drawer = document.getElementById("compare-settings");
    const open = drawer.classList.toggle("open");
    document.getElementById("compare-settings-button").setAttribute("aria-expanded", open);
    if (open) drawer.querySelector("textarea").focus();
}"""


@dataclass(frozen=True)
class Columns:
    """The two answers: per column a heading, a chat and a line of figures; above both the badge."""

    badge: gr.HTML
    heads: dict[str, gr.HTML]
    chats: dict[str, gr.Chatbot]
    figures: dict[str, gr.HTML]

    def all(self) -> list:
        """What a round changes."""
        return [self.badge, *self.chats.values(), *self.figures.values()]


@dataclass(frozen=True)
class Composer:
    """What is asked, and the buttons."""

    instruction: gr.Textbox
    input: gr.Textbox
    send: gr.Button
    stop: gr.Button
    clear: gr.Button
    pick: gr.Button
    expected: gr.HTML
    note: gr.HTML

    def all(self) -> list:
        """What a question changes."""
        return [self.instruction, self.input, self.send, self.stop, self.expected]


@dataclass(frozen=True)
class Drawer:
    """The settings that both columns share."""

    system: gr.Textbox
    same: gr.Checkbox
    as_written: gr.Checkbox
    options: dict[str, gr.components.Component]

    def all(self) -> list:
        """What goes with a question."""
        return [self.system, self.same, self.as_written, *self.options.values()]


@dataclass(frozen=True)
class Page:
    """The tab. States: the `phase` of the round, the `rounds` of the run `opened`, the `picked` test row's id, and the
    model's state as it was `shown`.
    """

    run: gr.Dropdown
    state: gr.HTML
    again: gr.Button
    columns: Columns
    composer: Composer
    drawer: Drawer
    phase: gr.State
    rounds: gr.State
    opened: gr.State
    picked: gr.State
    shown: gr.State


def build_page() -> Page:
    """All parts, with their first values."""
    with gr.Row(elem_classes="compare-top"):
        run = gr.Dropdown([], label="Run", elem_id="compare-run", interactive=True, scale=0, min_width=280)
        with gr.Column(scale=1, min_width=320, elem_classes="compare-status"):
            state = gr.HTML(elem_id="compare-state", js_on_load=live("Model"))
            badge = gr.HTML(view.draw_badge(None), elem_id="compare-badge", js_on_load=live("Integrity"))
        again = gr.Button("Load the model", size="sm", visible=False, elem_id="compare-load", scale=0, min_width=140)
        settings = gr.Button("Settings", size="sm", elem_id="compare-settings-button", scale=0, min_width=110)
    with gr.Row(elem_classes="compare-body"):
        with gr.Column(scale=1, min_width=600):
            columns = build_columns(badge)
            composer = build_composer()
        drawer = build_drawer()
    settings.click(None, js=TOGGLE_DRAWER, api_visibility="private")
    states = (gr.State(IDLE), gr.State(()), gr.State(None), gr.State(None), gr.State((False, False, "")))
    return Page(run, state, again, columns, composer, drawer, *states)


def build_columns(badge: gr.HTML) -> Columns:
    """Base on the left, tuned on the right, equally wide."""
    heads, chats, figures = {}, {}, {}
    with gr.Row(equal_height=True, elem_classes="compare-columns"):
        for name in COLUMNS:
            with gr.Column(elem_classes=["compare-column", name], min_width=280):
                heads[name] = gr.HTML(view.draw_head(name, ""))
                chats[name] = build_chat(name)
                figures[name] = gr.HTML(view.draw_figures(None, name), elem_id=f"compare-figures-{name}")
    return Columns(badge, heads, chats, figures)


def build_chat(name: str) -> gr.Chatbot:
    """A column's answers. Whatever they hold is text: no HTML runs, no formula or file is made of it."""
    return gr.Chatbot(
        label=f"{name.capitalize()} answers",
        show_label=False,
        elem_id=f"compare-{name}",
        height=HEIGHT,
        sanitize_html=True,
        allow_tags=False,
        latex_delimiters=[],
        buttons=["copy"],
        feedback_options=None,
        group_consecutive_messages=False,
        placeholder=f"The {name} model's answers appear here.",
    )


def build_composer() -> Composer:
    """One composer for both columns."""
    expected = gr.HTML(view.draw_expected(), elem_id="compare-expected", js_on_load=live("Expected answer"))
    common = {"lines": 1, "max_lines": 6, "max_length": 100_000, "interactive": True}
    with gr.Row(equal_height=True, elem_classes="compare-composer"):
        instruction = gr.Textbox(
            label="Instruction",
            placeholder="Ask both: Enter sends, Shift+Enter starts a new line",
            elem_id="compare-instruction",
            scale=3,
            **common,
        )
        input = gr.Textbox(
            label="Input (optional)",
            placeholder="The text that the instruction is about",
            elem_id="compare-input",
            scale=2,
            **common,
        )
    with gr.Row(elem_classes="compare-buttons"):
        pick = gr.Button("Use a test row", elem_id="compare-test-row", scale=0, min_width=190)
        note = gr.HTML(view.draw_note(False, True), elem_id="compare-note", js_on_load=live("Next question"))
        clear = gr.Button("Clear", elem_id="compare-clear", scale=0, min_width=100)
        stop = gr.Button("Stop", elem_id="compare-stop", interactive=False, scale=0, min_width=100)
        send = gr.Button("Send", variant="primary", elem_id="compare-send", interactive=False, scale=0, min_width=140)
    return Composer(instruction, input, send, stop, clear, pick, expected, note)


def build_drawer() -> Drawer:
    """The settings, in a drawer at the side; what each means is declared beside the server's request."""
    with gr.Column(scale=0, min_width=320, elem_id="compare-settings"):
        gr.HTML("<h3>Settings of both columns</h3>")
        system = gr.Textbox(
            label="System prompt",
            info="Empty: the run's own.",
            lines=2,
            max_lines=6,
            max_length=100_000,
            elem_id="compare-system",
        )
        same = gr.Checkbox(
            label="Same tokens for both",
            info="Off: the base is asked in its own chat template. On: in the run's template, token for token.",
            elem_id="compare-same",
        )
        with gr.Row(elem_classes="compare-options"):
            options = {name: build_option(name, label) for name, label in LABELS.items()}
        as_written = gr.Checkbox(
            label="Show answers as written",
            info="Off: Markdown is laid out. On: every character is shown as it was written.",
            elem_id="compare-as-written",
        )
    return Drawer(system, same, as_written, options)


def build_option(name: str, label: str) -> gr.Number:
    """One setting of the server's request, with its help; the server checks its bounds."""
    field = GenerationOptions.model_fields[name]
    whole = field.annotation is int
    return gr.Number(
        field.default,
        label=label,
        info=field.description,
        precision=0 if whole else None,
        step=1 if whole else 0.05,
        elem_id=f"compare-{name.replace('_', '-')}",
        min_width=130,
    )


def live(label: str) -> str:
    """JavaScript that makes an element a live region, so that a screen reader tells its changes."""
    return f"element.setAttribute('role', 'status'); element.setAttribute('aria-label', {json.dumps(label)});"
