"""The review of rows: verdicts that bring the next row, tags, notes, golden rows, and the story of a row."""

from collections.abc import Mapping

import gradio as gr

from components.data import review
from components.data.editing import row_in_form
from components.data.parts import Tab, render_status
from components.data.views import (
    after_change,
    count_edit,
    dataset_at_hand,
    find_row,
    place_of,
    show_actions,
    show_page,
    show_row,
    view_at_hand,
)
from components.data.wiring import ORDERED
from components.shared import QUIET, refuse_read_only, told
from studio.data.store import open_dataset
from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row
from studio.data.view import read_page

# The class decides what is shown (review.css); the grid measures its panes anew.
TOGGLE_FOCUS = """() => {
  const panes = document.querySelector('#data-panes');
  const on = panes.classList.toggle('focused');
  document.querySelector('#data-focus').setAttribute('aria-pressed', on);
  window.dispatchEvent(new Event('resize'));
}"""


def wire(tab: Tab) -> None:
    """Listen to the review's buttons; their keys press these buttons (review.js)."""
    wire_verdicts(tab)
    wire_marks(tab)
    controls = tab.form.review

    @told
    def tell_history(values: dict):
        opened = row_in_form(tab, values)
        return review.render_history(open_dataset(tab.services.home, opened.dataset), opened.row)

    controls.why.click(tell_history, tab.inputs, controls.history, **QUIET)
    controls.focus.click(fn=None, js=TOGGLE_FOCUS, api_visibility="private")


def wire_verdicts(tab: Tab) -> None:
    """A verdict is stored, then the next row of the view comes by itself."""
    controls = tab.form.review

    def judge(verdict: str):
        @told
        def judge_row(values: dict):
            refuse_read_only(tab.services)
            opened = row_in_form(tab, values)
            dataset = open_dataset(tab.services.home, opened.dataset)
            row = dataset.row(opened.row)
            place = place_at_hand(tab, values, dataset, row.id)
            status = review.next_status(row, verdict)
            dataset.mark([row.id], status=status)
            if status == "pending":
                return after_change(tab, values, dataset, row.id, "Taken back: pending")
            return go_on(tab, values, dataset, row, place, f"Row {row.id} is {status}") | count_edit(tab, values)

        return judge_row

    def step(by: int):
        @told
        def step_row(values: dict):
            dataset = dataset_at_hand(tab, values)
            row = find_row(dataset, values[tab.shared.row])
            place = place_at_hand(tab, values, dataset, row.id) if row else 0
            return show_at(tab, values, dataset, max(0, place + by), "")

        return step_row

    for name, button in controls.verdicts.items():
        button.click(judge(name), tab.inputs, tab.outputs, **ORDERED)
    controls.steps["back"].click(step(-1), tab.inputs, tab.outputs, **ORDERED)
    controls.steps["skip"].click(step(1), tab.inputs, tab.outputs, **ORDERED)


def place_at_hand(tab: Tab, values: Mapping, dataset: Dataset, row_id: int) -> int:
    """Where a row stands in the view; the start of the page where the filters keep it out."""
    view = view_at_hand(tab, values)
    place = place_of(tab, dataset, view, row_id)
    return view.offset if place is None else place


def go_on(tab: Tab, values: Mapping, dataset: Dataset, row: Row, place: int, said: str) -> dict:
    """The row after one that was judged: it may have left the view, and then the next has taken its place."""
    still = place_of(tab, dataset, view_at_hand(tab, values), row.id)
    return show_at(tab, values, dataset, place if still is None else still + 1, said)


def show_at(tab: Tab, values: Mapping, dataset: Dataset, place: int, said: str) -> dict:
    """The row at a place of the view, in table and form; past the end the last one stays."""
    view = view_at_hand(tab, values)
    found = read_page(tab.services.home, dataset, view.query, place, 1)
    if not found.rows and found.total:
        place, said = found.total - 1, f"{said}. That was the last row of this view.".lstrip(". ")
        found = read_page(tab.services.home, dataset, view.query, place, 1)
    row = found.rows[0] if found.rows else None
    page = show_page(tab, dataset, view.around(place), row and row.id, move=True)
    said = said if row else "No row is left in this view. Take a filter away to see more."
    return page | show_row(tab, dataset, row, said) | {tab.shared.row: row and row.id}


def wire_marks(tab: Tab) -> None:
    """Tags, note and golden are stored when their field is left."""
    controls = tab.form.review

    def mark(change):
        @told
        def mark_row(values: dict):
            refuse_read_only(tab.services)
            if not values[tab.form.opened]:
                return gr.skip()
            opened = row_in_form(tab, values)
            dataset = open_dataset(tab.services.home, opened.dataset)
            if not dataset.mark([opened.row], **change(values, dataset.row(opened.row))):
                return gr.skip()
            row = dataset.row(opened.row)
            page = show_page(tab, dataset, view_at_hand(tab, values), row.id)
            status = render_status(row.id, "Saved", version=row.version)
            actions = show_actions(tab, dataset, row)  # this may be the first change that can be undone
            return page | count_edit(tab, values) | actions | {tab.form.status: status}

        return mark_row

    def change_tags(values: Mapping, row: Row) -> dict:
        typed = review.read_tags(values[controls.tags] or "")
        return {"add_tags": typed, "remove_tags": [tag for tag in row.marks.tags if tag not in typed]}

    inputs = tab.inputs | {controls.tags, controls.note, controls.golden}
    tags = mark(change_tags)
    note = mark(lambda values, row: {"note": (values[controls.note] or "").strip()})
    golden = mark(lambda values, row: {"golden": bool(values[controls.golden])})
    gr.on([controls.tags.blur, controls.tags.submit], tags, inputs, tab.outputs, **ORDERED)
    controls.note.blur(note, inputs, tab.outputs, **ORDERED)
    controls.golden.input(golden, inputs, tab.outputs, **ORDERED)
