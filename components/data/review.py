"""Review of rows one after the other: a verdict by key or button, tags, a note, and why a row is as it is."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from studio.data.store.dataset import Dataset
from studio.data.store.history import HistoryLine
from studio.data.store.marks import LONGEST_TAG, Marks
from studio.data.store.tables import Row

SCRIPT = Path(__file__).with_name("review.js")
TURNS_SCRIPT = Path(__file__).with_name("turns.js")

# Name -> label with its key, and what it says on hovering. The keys are read in review.js from the labels.
VERDICTS = {
    "accept": ("Accept (A)", "accepted"),
    "discard": ("Discard (D)", "discarded"),
    "draft": ("Draft (W)", "draft"),
}
STEPS = {"back": "Back (B)", "skip": "Skip (S)"}
MOST_TAGS = 50
LONGEST_SHOWN = 4000


@dataclass(frozen=True)
class Review:
    """The controls of one row's review."""

    verdicts: dict[str, gr.Button]
    steps: dict[str, gr.Button]
    focus: gr.Button
    progress: gr.HTML
    tags: gr.Textbox
    note: gr.Textbox
    golden: gr.Checkbox
    why: gr.Button
    history: gr.HTML
    turns: gr.HTML
    """The editor of conversations lives in it (turns.js); its value says which fields hold one"""

    @property
    def outputs(self) -> list:
        marks = [self.tags, self.note, self.golden, self.why, self.history, self.turns]
        return [*self.verdicts.values(), *self.steps.values(), *marks]


def lay_out_verdicts(edits: bool) -> dict:
    """The row of buttons above the record; parts of a Review."""
    with gr.Row(elem_classes="actions verdicts"):
        verdicts = {
            name: gr.Button(
                label, elem_id=f"data-{name}", size="sm", scale=0, min_width=40, interactive=False, visible=edits
            )
            for name, (label, _) in VERDICTS.items()
        }
        steps = {
            name: gr.Button(label, elem_id=f"data-{name}", size="sm", scale=0, min_width=40, interactive=False)
            for name, label in STEPS.items()
        }
        focus = gr.Button("Focus view (F)", elem_id="data-focus", size="sm", scale=0, min_width=40)
        progress = gr.HTML(
            elem_id="data-progress", js_on_load=SCRIPT.read_text(encoding="utf-8"), apply_default_css=False
        )
    return {"verdicts": verdicts, "steps": steps, "focus": focus, "progress": progress}


def lay_out_marks(edits: bool) -> dict:
    """Tags, note, golden and the row's story, below its texts; parts of a Review."""
    with gr.Row(elem_classes="marks", visible=edits):
        tags = gr.Textbox(label="Tags, with commas", elem_id="data-tags", max_lines=1, min_width=120, scale=2)
        note = gr.Textbox(label="Note", elem_id="data-note", lines=1, max_lines=4, min_width=140, scale=3)
        golden = gr.Checkbox(
            label="Golden", info="always kept for the test", elem_id="data-golden", min_width=110, scale=1
        )
    why = gr.Button("Why is this row so?", elem_id="data-why", size="sm", scale=0, interactive=False)
    history = gr.HTML(elem_id="data-history", apply_default_css=False)
    return {"tags": tags, "note": note, "golden": golden, "why": why, "history": history}


def show_review(review: Review, row: Row | None) -> dict:
    """The controls filled for a row, or empty."""
    marks = row.marks if row else Marks()
    there = row is not None
    shown = {
        button: gr.Button(
            interactive=there, variant="primary" if there and marks.status == VERDICTS[name][1] else "secondary"
        )
        for name, button in review.verdicts.items()
    }
    shown |= {button: gr.Button(interactive=there) for button in review.steps.values()}
    return shown | {
        review.tags: gr.Textbox(value=", ".join(marks.tags), interactive=there),
        review.note: gr.Textbox(value=marks.note, interactive=there),
        review.golden: gr.Checkbox(value=marks.golden, interactive=there),
        review.why: gr.Button(interactive=there),
        review.history: "",
    }


def render_turn_fields(numbers: list[int]) -> str:
    """Which fields hold a conversation. The stamp makes every answer a new one: the editor draws itself anew."""
    fields = ",".join(map(str, numbers))
    return f'<div class="turns" data-fields="{fields}" data-stamp="{time.monotonic_ns()}"></div>'


def read_tags(text: str) -> list[str]:
    """Tags as typed: between commas, spaces around them removed, each once, none longer than 60 characters."""
    tags = [" ".join(tag.split())[:LONGEST_TAG] for tag in text.split(",")]
    return list(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]


def next_status(row: Row, verdict: str) -> str:
    """The status a verdict means; the one that the row has already takes it back to pending."""
    asked = VERDICTS[verdict][1]
    return "pending" if row.marks.status == asked else asked


def render_progress(status: Mapping[str, int]) -> str:
    """Reviewed against all, in one line."""
    total = sum(status.values())
    done = status.get("accepted", 0) + status.get("discarded", 0)
    if not total:
        return ""
    return (
        f'<div class="review-progress tabular" title="accepted or discarded, of the rows in view">'
        f'<span class="bar"><i style="width:{done / total:.1%}"></i></span>{done:,} of {total:,} reviewed</div>'
    )


def render_history(dataset: Dataset, row_id: int) -> str:
    """Every change of a row back to its import, newest first, with both texts where texts changed."""
    lines = reversed(dataset.describe_history(row_id))
    return f'<ol class="history" reversed>{"".join(map(render_line, lines))}</ol>'


def render_line(line: HistoryLine) -> str:
    """One change: when, what, and for a column the old text struck through above the new one."""
    when = f'<time class="tabular">{escape(line.at[:16].replace("T", " "))}</time>'
    changed = ""
    if line.before or line.after:
        changed = (
            f"<dl><dt>{escape(line.what)}</dt><dd><del>{escape(clip(line.before))}</del></dd>"
            f"<dd><ins>{escape(clip(line.after))}</ins></dd></dl>"
        )
    return f"<li>{when} {escape(line.sentence)}{changed}</li>"


def clip(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
