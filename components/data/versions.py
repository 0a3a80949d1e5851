"""The Versions panel: name the present state, compare two, bring one back."""

from html import escape

import gradio as gr

from components.data.cells import show_cell
from components.data.differences import count_rows, mark_difference
from components.data.panels import button, fill_when_seen, lay_out_panel, render_first_step, render_values, wire_acts
from components.data.parts import Tab
from components.data.views import after_change, dataset_at_hand
from components.data.wiring import ORDERED, number_from
from components.shared import refuse_read_only, told
from studio.data.store.dataset import Dataset
from studio.data.store.versions import (
    KINDS,
    Comparison,
    RowDiff,
    Version,
    compare_versions,
    list_versions,
    restore_version,
    save_version,
)

PAGE = 50
NOW = "now"


def build_versions_panel(tab: Tab, panel: gr.Tab) -> None:
    """A name to save under, the list, and the comparison below."""
    edits = not tab.services.read_only
    with gr.Row(elem_classes="actions", visible=edits, equal_height=False):
        name = gr.Textbox(
            label="Name", placeholder="before cleaning", elem_id="data-version-name", max_lines=1, scale=2
        )
        note = gr.Textbox(label="Note", elem_id="data-version-note", max_lines=1, scale=4)
        save = gr.Button("Save this version", elem_id="data-version-save", size="md", scale=0)
    shown = lay_out_panel("data-versions")
    with gr.Row(elem_classes="actions", equal_height=False):
        first = gr.Dropdown([], label="Compare", elem_id="data-version-first", min_width=220)
        second = gr.Dropdown([("now", NOW)], value=NOW, label="with", elem_id="data-version-second", min_width=220)
        kinds = gr.CheckboxGroup(list(KINDS), value=list(KINDS), label="Rows that were", elem_id="data-version-kinds")
    compared = lay_out_panel("data-compared")
    asked = {first, second, kinds}

    def fill(values: dict) -> dict:
        if values[tab.shared.dataset] is None:
            return {shown: render_first_step("There is no dataset yet. Press “Add data”."), compared: ""}
        dataset = dataset_at_hand(tab, values)
        versions = list_versions(dataset)
        choices = [(version.name, version.id) for version in versions]
        known = [version.id for version in versions]
        start = values[first] if values[first] in known else next(iter(known), None)
        end = values[second] if values[second] in known else NOW
        return {
            shown: render_versions(versions, edits),
            first: gr.Dropdown(choices, value=start),
            second: gr.Dropdown([("now", NOW), *choices], value=end),
            compared: compare(dataset, {**values, first: start, second: end}, 0),
        }

    def compare(dataset: Dataset, values: dict, offset: int) -> str:
        if values[first] is None:
            return ""
        end = None if values[second] == NOW else values[second]
        found = compare_versions(dataset, values[first], end, offset, PAGE, values[kinds] or KINDS)
        return render_comparison(found, offset, sum(getattr(found, kind) for kind in values[kinds] or KINDS))

    @told
    def save_now(values: dict):
        refuse_read_only(tab.services)
        save_version(dataset_at_hand(tab, values), values[name] or "", (values[note] or "").strip())
        return {**fill(values), name: "", note: ""}

    def restore(values: dict, evt: gr.EventData) -> dict:
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        count = restore_version(dataset, number_from(evt, "version"))
        said = f"The version is back: {count_rows(count)} changed; Undo takes it back"
        return after_change(tab, values, dataset, values[tab.shared.row], said) | fill(values)

    def turn(values: dict, evt: gr.EventData) -> dict:
        return {compared: compare(dataset_at_hand(tab, values), values, number_from(evt, "offset"))}

    @told
    def follow(values: dict):
        return {compared: compare(dataset_at_hand(tab, values), values, 0)}

    outputs = [shown, first, second, compared]
    fill_when_seen(tab, panel, fill, asked, outputs)
    save.click(save_now, tab.inputs | asked | {name, note}, [*outputs, name, note], **ORDERED)
    wire_acts(shown, {"restore": restore}, tab.inputs | asked, [*tab.outputs, *outputs])
    wire_acts(compared, {"turn": turn}, tab.inputs | asked, [compared])
    for control in (first, second, kinds):
        control.input(follow, tab.inputs | asked, [compared], **ORDERED)


def render_versions(versions: list[Version], edits: bool) -> str:
    """The versions, the newest first."""
    if not versions:
        return render_first_step("No version has a name yet. Save one before a big change; every run saves one too.")
    lines = "".join(render_version(version, edits) for version in versions)
    return f'<div class="panel"><table class="plain tabular"><tbody>{lines}</tbody></table></div>'


def render_version(version: Version, edits: bool) -> str:
    digest = version.content_hash
    return (
        f'<tr><th scope="row">{escape(version.name)}<span class="muted">{escape(version.note)}</span></th>'
        f"<td>{version.at[:16].replace('T', ' ')}</td><td>{count_rows(version.rows)}</td>"
        f'<td><code title="SHA-256 of columns and cells: {digest}">{digest[:12]}</code></td>'
        f"<td>{button('restore', 'Restore', version=version.id) if edits else ''}</td></tr>"
    )


def render_comparison(found: Comparison, offset: int, total: int) -> str:
    """Counts, then a page of rows side by side."""
    counts = ", ".join(f"{getattr(found, kind):,} {kind}" for kind in KINDS)
    rows = "".join(render_diff(diff) for diff in found.page)
    before = button("turn", "Previous", offset=max(0, offset - PAGE)) if offset else ""
    after = button("turn", "Next", offset=offset + PAGE) if offset + PAGE < total else ""
    return f'<div class="panel"><p class="tabular">{counts}. {before}{after}</p>{rows}</div>'


def render_diff(diff: RowDiff) -> str:
    """One row: as it came, as it went, or what became of its cells and marks."""
    head = f'<header><b class="tabular">Row {diff.row_id}</b><span class="muted">{diff.kind}</span></header>'
    if diff.before is None or diff.after is None:
        there = diff.after or diff.before
        return f'<article class="card">{head}<dl>{render_values(there.values if there else {})}</dl></article>'
    changes = [
        (column, show_cell(was), show_cell(diff.after.values[column]))
        for column, was in diff.before.values.items()
        if was != diff.after.values[column]
    ]
    old, new = diff.before.marks, diff.after.marks
    for mark in ("status", "tags", "note", "golden"):
        was, now = getattr(old, mark), getattr(new, mark)
        if was != now:
            changes.append((mark, show_mark(was), show_mark(now)))
    parts = "".join(f"<dt>{escape(what)}</dt><dd>{mark_difference(was, now)}</dd>" for what, was, now in changes)
    return f'<article class="card">{head}<dl class="changes">{parts}</dl></article>'


def show_mark(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
