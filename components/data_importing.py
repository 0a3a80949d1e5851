"""How rows come into the Data tab: shipped examples, uploaded files, or an empty dataset to type into."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import gradio as gr

from components.data_parts import Tab
from components.data_views import render_notice, render_problem, show_dataset, view_at_hand
from components.shared import QUIET, refuse_read_only, told
from studio.data.files import shown
from studio.data.importing import ImportResult, import_example, import_file
from studio.data.reading import BadRowsError, Problem
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError

FIRST_COLUMNS = ("instruction", "input", "output")
MOST_LISTED = 500


def wire(tab: Tab) -> None:
    """Listen to everything that makes a dataset."""
    wire_beginnings(tab)
    wire_upload(tab)


def wire_beginnings(tab: Tab) -> None:
    """Examples, and an empty dataset."""
    bar = tab.toolbar

    @told
    def load_example(values: dict):
        refuse_read_only(tab.services)
        result = import_example(tab.services.home, str(values[bar.example]))
        return show_import(tab, values, result, "")

    @told
    def start_empty(values: dict):
        refuse_read_only(tab.services)
        roles = {column: column for column in FIRST_COLUMNS}
        first = dict.fromkeys(FIRST_COLUMNS, "")
        made = create_dataset(tab.services.home, "My rows", list(FIRST_COLUMNS), [first], roles, {"started": "empty"})
        dataset = open_dataset(tab.services.home, made)
        notice = render_notice("A new dataset with one empty row: type it at the right, then add the next.")
        return show_dataset(tab, dataset, view_at_hand(tab, values)) | {bar.notice: notice}

    bar.load_example.click(load_example, tab.inputs | {bar.example}, tab.outputs, **QUIET)
    bar.start_empty.click(start_empty, tab.inputs, tab.outputs, **QUIET)


def wire_upload(tab: Tab) -> None:
    """A file is imported as a whole; where rows of it cannot be used, the user decides first."""
    bar, refusal = tab.toolbar, tab.refusal

    def announce(path: str | None):
        return {bar.notice: render_notice(f"Reading {shown(Path(path or '').name)} …"), **hide_refusal(tab)}

    @told
    def take_upload(values: dict):
        refuse_read_only(tab.services)
        return try_import(tab, values, values[bar.upload])

    @told
    def drop_rows(values: dict):
        refuse_read_only(tab.services)
        if not values[refusal.file]:
            raise DataError("The uploaded file is no longer there. Upload it again.")
        return try_import(tab, values, values[refusal.file], drop_bad_rows=True)

    def cancel():
        return {bar.notice: render_notice("Nothing was imported."), **hide_refusal(tab)}

    outputs = [bar.notice, refusal.group, refusal.file]
    chosen = bar.upload.upload(announce, bar.upload, outputs, **QUIET)
    chosen.then(take_upload, tab.inputs | {bar.upload}, tab.outputs, **QUIET)
    refusal.drop.click(drop_rows, tab.inputs | {refusal.file}, tab.outputs, **QUIET)
    refusal.cancel.click(cancel, None, outputs, **QUIET)


def try_import(tab: Tab, values: Mapping, path: str | None, drop_bad_rows: bool = False) -> dict:
    """The dataset made of a file, or why there is none."""
    if not path:
        raise DataError("No file has arrived. Upload it again.")
    try:
        result = import_file(tab.services.home, Path(path), drop_bad_rows=drop_bad_rows, allow_unmapped=True)
    except BadRowsError as error:
        return ask_about(tab, error, path)
    except DataError as error:  # stays on the page: it is about a file that the user will look at now
        return {tab.toolbar.notice: render_problem(error), **hide_refusal(tab)}
    return show_import(tab, values, result, Path(path).name)


def ask_about(tab: Tab, error: BadRowsError, path: str) -> dict:
    """Every problem with its line, and the choice to import without those rows."""
    rows = "that row" if error.count == 1 else f"those {error.count:,} rows"
    refusal = tab.refusal
    return {
        tab.toolbar.notice: "",
        refusal.group: gr.Column(visible=True),
        refusal.text: render_problem(error)
        + render_problems(error.problems, error.count, "cannot be used", opened=True),
        refusal.drop: gr.Button(f"Import without {rows}"),
        refusal.file: path,
    }


def hide_refusal(tab: Tab) -> dict:
    return {tab.refusal.group: gr.Column(visible=False), tab.refusal.file: None}


def show_import(tab: Tab, values: Mapping, result: ImportResult, file: str) -> dict:
    """The new dataset, and a line about how it was read."""
    dataset = open_dataset(tab.services.home, result.dataset)
    page = show_dataset(tab, dataset, view_at_hand(tab, values))
    return page | hide_refusal(tab) | {tab.toolbar.notice: describe_import(result, file)}


def describe_import(result: ImportResult, file: str) -> str:
    """How many rows, which format, what was left out, and what is still to do."""
    where = f" from {shown(file)}" if file else ""
    rows = "1 row" if result.rows == 1 else f"{result.rows:,} rows"
    parts = [f"{rows}{where}: {result.file_format.upper()}, {result.format} format."]
    parts += result.notes
    if not {"output", "messages"} & set(result.roles.values()):
        parts.append("No column is the answer yet: choose the role output (or messages) under one of the headers.")
    left_out = render_problems(result.problems, len(result.problems), "left out") if result.problems else ""
    return render_notice(" ".join(parts)) + left_out


def render_problems(problems: Sequence[Problem], count: int, what: str, opened: bool = False) -> str:
    """Problems as a list that unfolds and scrolls; the first ones where there are very many."""
    items = "".join(
        f"<li><b>Line {problem.line:,}</b> {escape(problem.message)}</li>" for problem in problems[:MOST_LISTED]
    )
    more = f"<li>and {count - MOST_LISTED:,} more</li>" if count > MOST_LISTED else ""
    rows = "1 row" if count == 1 else f"{count:,} rows"
    unfolded = " open" if opened else ""
    head = f'<details class="problems"{unfolded}><summary>{rows} {what}</summary>'
    return f"{head}<ul>{items}{more}</ul></details>"
