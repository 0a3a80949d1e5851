"""Changes of many rows at once: the ticked ones, else all in view. Seen first, then made as one undoable change."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr

from components.data.differences import count_rows, render_parts, render_replacement
from components.data.editing import row_in_form
from components.data.parts import Tab
from components.data.review import read_tags
from components.data.views import after_change, dataset_at_hand, render_notice, show_new, view_at_hand
from components.data.wiring import LATEST, ORDERED
from components.shared import FOLLOWING, QUIET, refuse_read_only, told
from studio.data.store.bulk import Replacement, preview_replacement, replace_all, set_column
from studio.data.store.dataset import Dataset
from studio.data.store.joining import cut_row, join_rows
from studio.data.store.tables import Row
from studio.data.view import read_ids
from studio.errors import DataError, StudioError

REPLACE, SET, ADD_TAGS, REMOVE_TAGS = "Find and replace", "Set a column", "Add tags", "Remove tags"
MERGE, SPLIT, DELETE = "Merge into one row", "Split the selected row", "Delete"
MARKS = {
    "Accept": {"status": "accepted"},
    "Discard": {"status": "discarded"},
    "Mark as draft": {"status": "draft"},
    "Set back to pending": {"status": "pending"},
    "Mark as golden": {"golden": True},
    "Mark as not golden": {"golden": False},
}
ACTIONS = [REPLACE, SET, *list(MARKS)[:4], ADD_TAGS, REMOVE_TAGS, *list(MARKS)[4:], MERGE, SPLIT, DELETE]
EVERY = "\0every column"  # no column can be named so
MOST_SHOWN = 500


@dataclass(frozen=True)
class Bulk:
    """The panel's components."""

    panel: gr.Column
    scope: gr.HTML
    action: gr.Dropdown
    column: gr.Dropdown
    find: gr.Textbox
    text: gr.Textbox
    options: gr.CheckboxGroup
    preview: gr.HTML
    apply: gr.Button
    opened: gr.State
    seen: gr.State
    """What the preview was of (`fingerprint`): nothing else is applied"""

    @property
    def asked(self) -> list:
        return [self.action, self.column, self.find, self.text, self.options]


def lay_out() -> Bulk:
    """The panel, closed."""
    with gr.Column(visible=False, elem_id="data-bulk") as panel:
        scope = gr.HTML(elem_id="data-bulk-scope", apply_default_css=False)
        with gr.Row(equal_height=False):
            action = gr.Dropdown(ACTIONS, value=REPLACE, label="Do this", elem_id="data-bulk-action", min_width=180)
            column = gr.Dropdown([], label="In column", elem_id="data-bulk-column", min_width=140)
            find = gr.Textbox(label="Find", elem_id="data-bulk-find", lines=1, max_lines=4, min_width=180)
            text = gr.Textbox(label="Replace with", elem_id="data-bulk-text", lines=1, max_lines=6, min_width=180)
            options = gr.CheckboxGroup(
                [("match case", "case"), ("whole words", "words"), ("regular expression", "regex")],
                label="How",
                elem_id="data-bulk-options",
                min_width=330,
            )
        preview = gr.HTML(elem_id="data-bulk-preview", apply_default_css=False)
        apply = gr.Button("Replace", elem_id="data-bulk-apply", size="sm", scale=0, interactive=False)
    opened, seen = gr.State(False), gr.State(None)
    return Bulk(panel, scope, action, column, find, text, options, preview, apply, opened, seen)


def wire(tab: Tab, bulk: Bulk) -> None:
    """What the panel shows follows the ticks, the filters, the rows and what is typed; Apply makes the change."""

    @told
    def toggle(values: dict):
        if values[bulk.opened]:
            return {bulk.opened: False, bulk.panel: gr.Column(visible=False)}
        return {bulk.opened: True, bulk.panel: gr.Column(visible=True), **offer(values)}

    @told
    def offer(values: dict):
        """The columns of the dataset at hand."""
        columns = dataset_at_hand(tab, values).columns
        offered = gr.Dropdown(choices=[("all columns", EVERY), *columns], value=EVERY)
        return show(tab, bulk, {**values, bulk.column: EVERY}) | {bulk.column: offered}

    @told
    def follow(values: dict):
        return show(tab, bulk, values) if values[bulk.opened] and not is_seen(values) else gr.skip()

    def is_seen(values: dict) -> bool:
        """Whether the preview is of just this: another page of the same rows needs no new one."""
        try:
            return values[bulk.seen] == fingerprint(tab, bulk, values, dataset_at_hand(tab, values))
        except StudioError:
            return False

    @told
    def follow_dataset(values: dict):
        return offer(values) if values[bulk.opened] and values[tab.shared.dataset] else gr.skip()

    @told
    def apply(values: dict):
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        if values[bulk.seen] != fingerprint(tab, bulk, values, dataset):
            changed = "The rows or the fields changed since this was worked out. Look at it, then press again."
            return show(tab, bulk, values) | {bulk.scope: render_notice(changed, "problem")}
        ids, _ = rows_in_scope(tab, values, dataset)
        return apply_action(tab, bulk, values, dataset, ids) | {
            bulk.apply: gr.Button(interactive=False),
            bulk.seen: None,
        }

    inputs = tab.inputs | {*bulk.asked, bulk.opened, bulk.seen}
    own = [bulk.scope, bulk.column, bulk.find, bulk.text, bulk.options, bulk.preview, bulk.apply, bulk.seen]
    typed = [each.change for each in bulk.asked]
    changed = [each.change for each in (tab.chosen, tab.view, tab.form.opened, tab.shared.edits)]
    tab.toolbar.many.click(toggle, inputs, [bulk.opened, bulk.panel, *own], **QUIET)
    gr.on(typed, follow, inputs, own, **LATEST, concurrency_id="data-bulk")
    gr.on(changed, follow, inputs, own, **FOLLOWING, concurrency_id="data-bulk")
    tab.shared.dataset.change(follow_dataset, inputs, own, **FOLLOWING, concurrency_id="data-bulk")
    bulk.apply.click(apply, inputs, [*tab.outputs, *own], **ORDERED)


def fingerprint(tab: Tab, bulk: Bulk, values: Mapping, dataset: Dataset) -> list:
    """Differs where an action would do something else than its preview said."""
    asked = [values[control] for control in bulk.asked]
    query = view_at_hand(tab, values).query.to_json()
    opened = values[tab.form.opened] if values[bulk.action] == SPLIT else ""
    return [dataset.id, dataset.version, values[tab.chosen], query, opened, asked]


def show(tab: Tab, bulk: Bulk, values: dict) -> dict:
    """The scope, the preview, and whether there is something to apply. Half-typed patterns are no error box."""
    action = values[bulk.action]
    fields = show_fields(bulk, action)
    try:
        dataset = dataset_at_hand(tab, values)
        seen = fingerprint(tab, bulk, values, dataset)
        ids, ticked = rows_in_scope(tab, values, dataset)
        html, count = preview_action(tab, bulk, values, dataset, ids)
    except StudioError as error:
        shown = {bulk.preview: render_notice(str(error), "muted"), bulk.apply: gr.Button(action, interactive=False)}
        return fields | shown | {bulk.seen: None}
    return fields | {
        bulk.scope: render_scope(len(ids), ticked, count_unseen(tab, values, dataset, ids) if ticked else 0),
        bulk.preview: html,
        bulk.apply: gr.Button(f"{action}: {count_rows(count)}", interactive=count > 0),
        bulk.seen: seen,
    }


def show_fields(bulk: Bulk, action: str) -> dict:
    """Only the fields that an action needs, under the names they have for it."""
    labels = {SET: "New text", ADD_TAGS: "Tags, with commas", REMOVE_TAGS: "Tags, with commas"}
    return {
        bulk.column: gr.Dropdown(visible=action in (REPLACE, SET)),
        bulk.find: gr.Textbox(visible=action in (REPLACE, SPLIT), label="Split at" if action == SPLIT else "Find"),
        bulk.text: gr.Textbox(
            visible=action in (REPLACE, SET, ADD_TAGS, REMOVE_TAGS), label=labels.get(action, "Replace with")
        ),
        bulk.options: gr.CheckboxGroup(visible=action == REPLACE),
    }


def rows_in_scope(tab: Tab, values: Mapping, dataset: Dataset) -> tuple[list[int], bool]:
    """The rows with a tick in the order of their ticks, as far as they are still there; without any, all in view.
    And whether they are those with a tick."""
    ticked = [row.id for row in dataset.rows_by_id(values[tab.chosen] or [])]
    return ticked or read_ids(tab.services.home, dataset, view_at_hand(tab, values).query), bool(ticked)


def count_unseen(tab: Tab, values: Mapping, dataset: Dataset, ids: list[int]) -> int:
    """How many of the rows the search and the filters keep out of the table, as far as that is known."""
    query = view_at_hand(tab, values).query
    if not (query.search or query.filtered):
        return 0
    try:
        return len(set(ids).difference(read_ids(tab.services.home, dataset, query)))
    except DataError:
        return 0


def render_scope(count: int, ticked: bool, unseen: int = 0) -> str:
    """Which rows these are, in words."""
    if ticked:
        outside = f"; {unseen:,} of them not in view any more (search and filters)" if unseen else ""
        return render_notice(f"{count_rows(count)} with a tick{outside}.")
    return render_notice(
        f"{count_rows(count)} in view (all that match the search and the filters). Tick rows to act on those alone."
    )


def read_replacement(bulk: Bulk, values: Mapping) -> Replacement:
    """What is typed, as a replacement."""
    options = values[bulk.options] or []
    return Replacement(
        find=values[bulk.find] or "",
        replace=values[bulk.text] or "",
        columns=() if values[bulk.column] in (None, EVERY) else (values[bulk.column],),
        regex="regex" in options,
        ignore_case="case" not in options,
        whole_words="words" in options,
    )


def read_column(bulk: Bulk, values: Mapping) -> str:
    if values[bulk.column] in (None, EVERY):
        raise DataError("Choose the column whose text shall be the same in all these rows.")
    return values[bulk.column]


# What would happen


def preview_action(tab: Tab, bulk: Bulk, values: Mapping, dataset: Dataset, ids: list[int]) -> tuple[str, int]:
    """What an action would do, as HTML, and to how many rows. DataError if it cannot be done."""
    action, count = values[bulk.action], len(ids)
    if action == REPLACE:
        found = preview_replacement(dataset, ids, read_replacement(bulk, values), MOST_SHOWN)
        return render_replacement(found), found.rows
    if action == MERGE:
        rows = ticked_rows(tab, values, dataset)
        return render_parts("The merged row", [join_rows(rows)]), len(rows)
    if action == SPLIT:
        row = dataset.row(row_in_form(tab, values).row)
        return render_parts("Part", cut_row(row.values, values[bulk.find] or "")), 1
    words = {
        SET: lambda: f"{read_column(bulk, values)!r} becomes this text in {count_rows(count)}.",
        ADD_TAGS: lambda: f"{count_rows(count)} get the tags {', '.join(typed_tags(bulk, values))}.",
        REMOVE_TAGS: lambda: f"{count_rows(count)} lose the tags {', '.join(typed_tags(bulk, values))}.",
        DELETE: lambda: f"{count_rows(count)} go to the trash, from which they can be restored.",
    }
    said = words[action]() if action in words else f"{action}: {count_rows(count)}."
    return render_notice(said), count


def typed_tags(bulk: Bulk, values: Mapping) -> list[str]:
    tags = read_tags(values[bulk.text] or "")
    if not tags:
        raise DataError("Type the tags, with commas between them.")
    return tags


def ticked_rows(tab: Tab, values: Mapping, dataset: Dataset) -> list[Row]:
    """The ticked rows, in the order of their ticks. DataError for more than a person can have looked at."""
    rows = dataset.rows_by_id(values[tab.chosen] or [])
    if not 2 <= len(rows) <= 50:
        raise DataError("Tick the rows that shall become one: at least 2, at most 50, in the order in which they join.")
    return rows


# Doing it


def apply_action(tab: Tab, bulk: Bulk, values: Mapping, dataset: Dataset, ids: list[int]) -> dict:
    """The change made, and the page after it."""
    action = values[bulk.action]
    if action == MERGE:
        rows = ticked_rows(tab, values, dataset)
        merged = dataset.merge_rows([row.id for row in rows], join_rows(rows))
        return show_new(tab, values, dataset, merged.id, f"{len(rows)} rows merged into this one")
    if action == SPLIT:
        opened = row_in_form(tab, values)
        parts = cut_row(dataset.row(opened.row).values, values[bulk.find] or "")
        dataset.split_row(opened.row, parts, opened.version)
        return show_new(tab, values, dataset, opened.row, f"Split into {len(parts)} rows")
    count = change_rows(bulk, values, dataset, ids)
    return after_change(tab, values, dataset, values[tab.shared.row], f"{action}: {count_rows(count)}")


def change_rows(bulk: Bulk, values: Mapping, dataset: Dataset, ids: list[int]) -> int:
    """The actions that treat every row alike; returns how many rows changed."""
    action = values[bulk.action]
    if action == REPLACE:
        return replace_all(dataset, ids, read_replacement(bulk, values))
    if action == SET:
        return set_column(dataset, ids, read_column(bulk, values), values[bulk.text] or "")
    if action == DELETE:
        return dataset.delete(ids)
    if action in (ADD_TAGS, REMOVE_TAGS):
        return dataset.mark(ids, **{"add_tags" if action == ADD_TAGS else "remove_tags": typed_tags(bulk, values)})
    if action not in MARKS:
        raise DataError(f"There is no action {str(action)[:40]!r}. Reload the page.")
    return dataset.mark(ids, **MARKS[action])
