"""The “Add data” panel: where rows come from, what would become of them, and the import itself."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import gradio as gr

from components.data.adding_parts import Adding, clear, hide_options, show_options, show_panel
from components.data.adding_view import render_examples, render_pending
from components.data.differences import count_rows
from components.data.panels import wire_acts
from components.data.parts import Tab
from components.data.views import left_out_rows, render_notice, show_dataset, view_at_hand
from components.data.wiring import LATEST, text_from
from components.shared import QUIET, read_recipe, refuse_read_only, told
from studio.data.importing import (
    HubSource,
    ImportPreview,
    ImportResult,
    correct_preview,
    import_example,
    import_preview,
    list_examples,
    preview_file,
    preview_folder,
    preview_hub,
    preview_text,
)
from studio.data.importing.desk import Pending
from studio.data.importing.hub_rows import list_hub_parts
from studio.data.reading import ReadOptions
from studio.data.roles import Roles
from studio.data.roles.conversations import check_mapping
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError

FIRST_COLUMNS = ("instruction", "input", "output")


def wire(tab: Tab, adding: Adding) -> None:
    """Listen to every way in, to the corrections, and to the decision."""
    wire_panel(tab, adding)
    wire_sources(tab, adding)
    wire_hub(tab, adding)
    wire_corrections(tab, adding)
    wire_decision(tab, adding)


def wire_panel(tab: Tab, adding: Adding) -> None:
    """“Add data” opens and closes the panel."""

    def toggle(is_open: bool):
        return show_panel(adding, not is_open) | {adding.examples: render_examples(list_examples())}

    tab.toolbar.add.click(toggle, adding.opened, [adding.opened, adding.panel, adding.examples], **QUIET)


def begin(tab: Tab, adding: Adding, before: str | None, read: Callable) -> dict:
    """Start reading, in place of what waited `before`; the panel follows by itself (data-waiting)."""
    refuse_read_only(tab.services)
    desk = tab.services.imports
    desk.drop(before or "")
    ticket = desk.begin(read)
    shown = show_pending(tab, adding, desk.look(ticket), None)
    return shown | hide_options(adding) | {adding.ticket: ticket, adding.name: gr.Textbox(value="", visible=False)}


def wire_sources(tab: Tab, adding: Adding) -> None:
    """Examples and an empty dataset are there at once; files and pasted text are looked at first."""
    home = tab.services.home

    def load_example(values: dict, evt: gr.EventData):
        refuse_read_only(tab.services)
        result = import_example(home, text_from(evt, "example"))
        return show_import(tab, adding, values, result)

    @told
    def start_empty(values: dict):
        refuse_read_only(tab.services)
        roles = {column: column for column in FIRST_COLUMNS}
        first = dict.fromkeys(FIRST_COLUMNS, "")
        made = create_dataset(home, "My rows", list(FIRST_COLUMNS), [first], roles, {"started": "empty"})
        notice = render_notice("A new dataset with one empty row: type it at the right, then add the next.")
        shown = show_dataset(tab, open_dataset(home, made), view_at_hand(tab, values))
        return shown | show_panel(adding, False) | {tab.toolbar.notice: notice}

    @told
    def take_upload(path: str | None, before: str | None):
        source = Path(require(path, "No file has arrived. Upload it again."))
        return begin(
            tab, adding, before, lambda drop, options, progress, stop: preview_file(home, source, None, drop, options)
        )

    @told
    def take_folder(paths: list[str] | None, before: str | None):
        files = [Path(path) for path in require(paths, "No file has arrived. Upload the folder again.")]
        return begin(
            tab, adding, before, lambda drop, options, progress, stop: preview_files(home, files, drop, options)
        )

    @told
    def take_text(text: str | None, before: str | None):
        pasted = text or ""
        return begin(
            tab, adding, before, lambda drop, options, progress, stop: preview_text(home, pasted, None, drop, options)
        )

    shown, quiet = adding.pending, {**QUIET, "show_progress": "minimal"}
    whole = [*tab.outputs, adding.opened, adding.panel, *shown]
    wire_acts(adding.examples, {"example": load_example}, tab.inputs, whole)
    adding.empty.click(start_empty, tab.inputs, whole, **QUIET)
    adding.file.upload(take_upload, [adding.file, adding.ticket], shown, **quiet)
    adding.folder.upload(take_folder, [adding.folder, adding.ticket], shown, **quiet)
    adding.read.click(take_text, [adding.text, adding.ticket], shown, **quiet)


def require(value, message: str):
    if not value:
        raise DataError(message)
    return value


def preview_files(home, files: list[Path], drop: bool, options: ReadOptions | None) -> ImportPreview:
    """Uploaded files as the folder they came from: each lies in a folder of its own until here."""
    with tempfile.TemporaryDirectory(prefix="studio-folder-") as folder:
        for file in files:
            target = Path(folder) / file.name
            if target.exists():
                raise DataError(f"Two files of the folder are called {file.name}. Upload its subfolders one by one.")
            try:
                os.link(file, target)
            except OSError:  # another disk
                shutil.copyfile(file, target)
        return preview_folder(home, Path(folder), None, drop, options)


def wire_hub(tab: Tab, adding: Adding) -> None:
    """Subsets and splits are offered once the hub has said which there are."""

    @told
    def look(name: str | None, subset: str | None):
        refuse_read_only(tab.services)
        found = list_hub_parts((name or "").strip())
        subsets = found.subsets()
        chosen = subset if subset in subsets else subsets[0]
        splits = found.splits(chosen)
        said = f"{found.name}: {len(subsets)} subset{'s' * (len(subsets) > 1)}; licence {found.licence or 'not said'}."
        return {
            **clear(adding),
            adding.subset: gr.Dropdown(subsets, value=chosen),
            adding.split: gr.Dropdown(splits, value=splits[0]),
            adding.shown: render_notice(said),
        }

    @told
    def fetch(name: str | None, subset: str | None, split: str | None, limit: str | None, before: str | None):
        hub = HubSource((name or "").strip(), subset or None, split or None, read_limit(limit))
        home = tab.services.home
        return begin(
            tab,
            adding,
            before,
            lambda drop, options, progress, stop: preview_hub(home, hub, None, drop, progress, stop),
        )

    shown = [adding.subset, adding.split, *adding.pending]
    options = {**QUIET, "show_progress": "minimal"}
    adding.look.click(look, [adding.repo, adding.subset], shown, **options)
    adding.subset.input(look, [adding.repo, adding.subset], shown, **options)
    asked = [adding.repo, adding.subset, adding.split, adding.limit, adding.ticket]
    adding.fetch.click(fetch, asked, adding.pending, **options)


def read_limit(text: str | None) -> int | None:
    """A number of rows as typed; None for all."""
    typed = (text or "").strip().replace(",", "")
    if not typed or typed == "all":
        return None
    if not typed.isdecimal() or not 1 <= int(typed[:12]) <= 10**9:
        raise DataError(f"{typed[:40]!r} is no number of rows. Type one from 1 on, or leave the field empty for all.")
    return int(typed)


def wire_corrections(tab: Tab, adding: Adding) -> None:
    """What the file is read as, the roles of its columns, names of labels, a direction, an instruction for all."""
    shown, recipe = adding.pending, tab.shared.recipe

    @told
    def refresh(values: dict):
        if not values[adding.ticket]:
            return gr.skip()
        return show(values)

    def show(values: dict) -> dict:
        pending = tab.services.imports.look(values[adding.ticket])
        return show_pending(tab, adding, pending, values[recipe], values[adding.name] or "")

    def correct(change: Callable[[Roles, gr.EventData], Roles]):
        def correct_roles(values: dict, evt: gr.EventData):
            desk, ticket = tab.services.imports, values[adding.ticket]
            preview = ready_preview(desk.look(ticket))
            roles = change(preview.roles, evt)
            desk.correct(ticket, correct_preview(preview, roles))
            return show(values)

        return correct_roles

    acts = {
        "role": correct(lambda roles, evt: roles.change({text_from(evt, "column"): text_from(evt, "value")})),
        "label": correct(set_label),
        "direction": correct(set_direction),
        "instruction": correct(lambda roles, evt: roles.change(instruction=text_from(evt, "value").strip())),
    }

    @told
    def read_otherwise(values: dict):
        """Read the file again with the options as they are set now."""
        pending = tab.services.imports.look(values[adding.ticket])
        asked = {name: values[control] for name, control in adding.options.items()}
        if pending.state == "ready" and all(
            getattr(pending.preview.options, name) == value or value is None for name, value in asked.items()
        ):
            return gr.skip()
        tab.services.imports.read_again(values[adding.ticket], options=ReadOptions(**asked))
        return show(values)

    inputs = {adding.ticket, adding.name, recipe, *adding.options.values()}
    adding.shown.refresh(refresh, inputs, shown, **{**LATEST, "concurrency_id": "data-pending"})
    wire_acts(adding.shown, acts, inputs, shown)
    for control in adding.options.values():
        control.input(read_otherwise, inputs, shown, **QUIET)


def set_label(roles: Roles, evt: gr.EventData) -> Roles:
    """One label of a column gets its name."""
    names = {key: dict(value) for key, value in roles.options.labels.items()}
    names.setdefault(text_from(evt, "column"), {})[text_from(evt, "label")] = text_from(evt, "value")
    return roles.change(labels=names)


def set_direction(roles: Roles, evt: gr.EventData) -> Roles:
    """From which language into which; neither where nothing is chosen."""
    source, _, target = text_from(evt, "value").partition("\t")
    return roles.change(direction=(source, target) if target else None)


def ready_preview(pending: Pending) -> ImportPreview:
    if pending.preview is None:
        raise DataError("The rows are not read yet. Wait until they are shown.")
    return pending.preview


def show_pending(tab: Tab, adding: Adding, pending: Pending, recipe: Mapping | None, name: str = "") -> dict:
    """The panel's lower half as an import stands. `name`: what the user has called it already."""
    preview = pending.preview
    ready, refused = pending.state == "ready", pending.state == "refused"
    named = gr.Textbox(visible=False)
    if preview and ready:
        named = gr.Textbox(value=name or preview.title, visible=True)
    rows = len(preview.parsed.rows) if preview else 0
    problem = unmapped(preview) if preview else ""
    return {
        adding.shown: render_pending(pending, tab.services, read_recipe(recipe), problem),
        adding.name: named,
        adding.take: gr.Button(f"Import {count_rows(rows)}", visible=ready),
        adding.drop_rows: gr.Button(visible=refused),
        adding.cancel: gr.Button(visible=True),
        **show_options(adding, preview),
    }


def unmapped(preview: ImportPreview) -> str:
    """What is still to choose before anything can be learned; "" if nothing is."""
    try:
        check_mapping(preview.parsed.columns, preview.roles)
    except DataError:
        return "No column is the answer yet: choose one below, or import and choose it later."
    return ""


def wire_decision(tab: Tab, adding: Adding) -> None:
    """Import, go on without the bad rows, or cancel: nothing is stored before."""
    desk = tab.services.imports

    @told
    def take(values: dict):
        refuse_read_only(tab.services)
        preview = ready_preview(desk.look(values[adding.ticket]))
        name = (values[adding.name] or "").strip() or None
        result = import_preview(tab.services.home, preview, name, allow_unmapped=True)
        desk.drop(values[adding.ticket])
        return show_import(tab, adding, values, result)

    @told
    def drop_rows(values: dict):
        refuse_read_only(tab.services)
        options = desk.look(values[adding.ticket]).options
        desk.read_again(values[adding.ticket], drop_bad_rows=True, options=options)
        return show_pending(tab, adding, desk.look(values[adding.ticket]), None)

    def cancel(ticket: str):
        desk.drop(ticket)
        return {**clear(adding), adding.shown: render_notice("Nothing was imported.")}

    shown = adding.pending
    inputs = tab.inputs | {adding.ticket, adding.name}
    whole = [*tab.outputs, adding.opened, adding.panel, *shown]
    adding.take.click(take, inputs, whole, **{**QUIET, "show_progress": "minimal"})
    adding.drop_rows.click(drop_rows, {adding.ticket}, shown, **QUIET)
    adding.cancel.click(cancel, adding.ticket, shown, **QUIET)


def show_import(tab: Tab, adding: Adding, values: Mapping, result: ImportResult) -> dict:
    """The new dataset, and a line about how it was read."""
    dataset = open_dataset(tab.services.home, result.dataset)
    page = show_dataset(tab, dataset, view_at_hand(tab, values))
    notice = render_notice(describe_import(result))
    return page | clear(adding) | show_panel(adding, False) | {tab.toolbar.notice: notice}


def describe_import(result: ImportResult) -> str:
    """How many rows, which format, what was left out, and what is still to do."""
    parts = [f"{count_rows(result.rows)}: {result.file_format.upper()}, {result.format} format.", *result.notes]
    if result.problems:
        parts.append(f"{left_out_rows(len(result.problems))}.")
    try:
        check_mapping(list(result.mapping), result.roles)
    except DataError:
        parts.append("No column is the answer yet: choose the role output (or messages) under one of the headers.")
    return " ".join(parts)
