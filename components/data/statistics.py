"""The Statistics panel: lengths, labels, languages, openings and shares of a dataset."""

from html import escape

import gradio as gr
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from components.charts import GRID, draw_bins
from components.data.panels import fill_when_seen, lay_out_panel, render_first_step
from components.data.parts import Tab
from components.data.views import dataset_at_hand
from components.shared import QUIET, read_recipe, told
from components.theme import ACCENT, NEUTRAL
from studio.data.statistics import Lengths, Statistics, describe
from studio.errors import StudioError

MOST_VALUES = 12
LONGEST_VALUE = 60
MEASURES = ("Side", "Unit", "Median", "95 of 100 up to", "Longest", "All")
HEAD = "".join(f'<th scope="col">{name}</th>' for name in MEASURES)


def build_statistics_panel(tab: Tab, panel: gr.Tab) -> None:
    """Figures, then histograms; tokens are counted when asked for, because that takes a while."""
    with gr.Row(elem_classes="actions"):
        count = gr.Button("Count tokens", elem_id="data-count-tokens", size="sm", scale=0)
    lengths = gr.Plot(elem_id="data-histograms", show_label=False, container=False, visible=False)
    shown = lay_out_panel("data-statistics")

    def fill(values: dict, folder=None) -> dict:
        if values[tab.shared.dataset] is None:
            empty = render_first_step("There is no dataset yet. Press “Add data”.")
            return {shown: empty, lengths: gr.Plot(visible=False)}
        found = describe(tab.services.home, dataset_at_hand(tab, values), folder)
        return {shown: render_statistics(found), lengths: gr.Plot(draw_histograms(found), visible=bool(found.rows))}

    @told
    def count_tokens(values: dict):
        """With the tokenizer of the model that is chosen in the Model tab."""
        model = read_recipe(values[tab.shared.recipe]).model
        shelved = tab.services.shelf.look(model.name, model.revision)
        if shelved.state != "ready":
            raise StudioError(shelved.message or f"{model.name} is still on its way. Try again in a moment.")
        return fill(values, shelved.files.folder)

    fill_when_seen(tab, panel, fill, set(), [shown, lengths])
    options = {**QUIET, "show_progress": "minimal"}
    count.click(count_tokens, tab.inputs | {tab.shared.recipe}, [shown, lengths], **options)


def draw_histograms(found: Statistics) -> go.Figure:
    """Prompt and answer side by side, in tokens where they were counted, else in characters."""
    tokens = found.prompt_tokens and found.answer_tokens
    unit = "tokens" if tokens else "characters"
    sides = (found.prompt_tokens, found.answer_tokens) if tokens else (found.prompt, found.answer)
    figure = make_subplots(rows=1, cols=2, subplot_titles=[f"Prompt, {unit}", f"Answer, {unit}"])
    for column, (side, colour) in enumerate(zip(sides, (NEUTRAL, ACCENT), strict=True), 1):
        bins = [(each.low, each.high, each.count) for each in side.bins]
        figure.add_trace(draw_bins(bins, colour), row=1, col=column)
    figure.update_layout(
        height=220,
        margin={"l": 46, "r": 14, "t": 30, "b": 26},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7b8494", "size": 12, "family": "system-ui, sans-serif"},
        showlegend=False,
        bargap=0.05,
    )
    figure.update_annotations(font_size=13)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, title_text="rows", col=1)
    figure.update_xaxes(showgrid=False)
    return figure


def render_statistics(found: Statistics) -> str:
    """The figures as tables."""
    if not found.rows:
        return render_first_step("The dataset has no rows yet. Add one in the Rows panel.")
    sides = [("Prompt", found.prompt, found.prompt_tokens), ("Answer", found.answer, found.answer_tokens)]
    lengths = "".join(
        render_lengths(name, characters, "characters") + (render_lengths(name, tokens, "tokens") if tokens else "")
        for name, characters, tokens in sides
    )
    unreadable = f"; {found.unreadable:,} cannot be read as examples" if found.unreadable else ""
    parts = [
        f"<p><b>{found.rows:,}</b> rows{unreadable}, {found.golden:,} golden; at most {found.turns} turns.</p>",
        f'<table class="plain tabular"><thead><tr>{HEAD}</tr></thead><tbody>{lengths}</tbody></table>',
        '<div class="figures">',
        render_counts("Review", found.statuses, found.rows),
        render_counts("Answers as labels", found.labels, found.rows),
        *(render_counts(f"Language of the {side}", counts, found.rows) for side, counts in found.languages.items()),
        *(
            render_counts(f"Most frequent openings of the {side}", counts, found.rows)
            for side, counts in found.openings.items()
        ),
        *(render_counts(f"Column {column}", counts, found.rows) for column, counts in found.shares.items()),
        "</div>",
    ]
    return f'<div class="panel">{"".join(parts)}</div>'


def render_lengths(name: str, side: Lengths, unit: str) -> str:
    return (
        f'<tr><th scope="row">{name}</th><td>{unit}</td><td>{side.median:,}</td><td>{side.long:,}</td>'
        f"<td>{side.longest:,}</td><td>{side.total:,}</td></tr>"
    )


def render_counts(title: str, counts: list[tuple[str, int]], total: int) -> str:
    """Values with their share of all rows; nothing where there are none."""
    if not counts:
        return ""
    rows = "".join(
        f'<tr><th scope="row" title="{escape(value)}">{escape(shorten(value))}</th><td>{count:,}</td>'
        f'<td><span class="share"><i style="width:{min(1, count / total):.1%}"></i></span></td>'
        f"<td>{count / total:.1%}</td></tr>"
        for value, count in counts[:MOST_VALUES]
    )
    more = f'<p class="muted">and {len(counts) - MOST_VALUES:,} more</p>' if len(counts) > MOST_VALUES else ""
    return (
        f'<section><h4>{escape(title)}</h4><table class="plain tabular"><tbody>{rows}</tbody></table>{more}</section>'
    )


def shorten(value: str) -> str:
    value = value or "(empty)"
    return value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
