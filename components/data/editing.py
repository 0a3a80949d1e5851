"""The Data tab's changes: every one is committed before the page says so, and acts on the id of a row."""

from collections.abc import Mapping

import gradio as gr

from components.data import cells
from components.data.parts import Tab, render_status
from components.data.views import (
    after_change,
    count_edit,
    dataset_at_hand,
    find_row,
    place_of,
    show_actions,
    show_conflict,
    show_new,
    show_page,
    show_row,
    view_at_hand,
)
from components.data.wiring import ORDERED, number_from, text_from
from components.shared import refuse_read_only, told
from studio.data.importing.signatures import save_choice
from studio.data.roles import ROLES
from studio.data.store import open_dataset
from studio.data.store.dataset import Dataset, EditConflict
from studio.errors import DataError

FOCUS_FIRST_FIELD = """() => setTimeout(() => {
  [...document.querySelectorAll('#data-form .field textarea')].find((box) => box.offsetParent)?.focus();
}, 60)"""
SAVE_NOW = "() => window.dispatchEvent(new Event('studio-save'))"


def wire(tab: Tab) -> None:
    """Listen to everything that changes a row; a read-only page has none of it."""
    wire_saving(tab)
    wire_conflict(tab)
    wire_grid(tab)
    wire_buttons(tab)


def wire_saving(tab: Tab) -> None:
    """The form saves itself: grid.js says when."""

    @told
    def settle(values: dict, evt: gr.EventData):
        refuse_read_only(tab.services)
        opened = cells.read_opened(values[tab.form.opened])
        if opened is None:
            return gr.skip()
        try:
            return save_form(tab, values, opened)
        except EditConflict as error:
            dataset = open_dataset(tab.services.home, opened.dataset)
            return show_conflict(tab, error) | redraw(tab, values, dataset, opened.row)
        except DataError as error:
            if not (evt._data or {}).get("quiet"):
                raise
            return {tab.form.status: render_status(opened.row, str(error), "problem")}

    tab.grid.settle(settle, tab.inputs, tab.outputs, **ORDERED)
    tab.form.save.click(fn=None, js=SAVE_NOW, api_visibility="private")


def save_form(tab: Tab, values: Mapping, opened: cells.Opened, force: bool = False) -> dict:
    """Save the fields that were changed. The row's version is the form's, or that of the form's own last save."""
    own = values[tab.form.own]
    version = own[1] if own and own[0] == str(opened) else opened.version
    dataset = open_dataset(tab.services.home, opened.dataset)
    texts = texts_of(tab, values)
    row = cells.save_texts(dataset, opened, texts, version, force)
    if row is None:
        row = dataset.row(opened.row)
        same = row.version != version and not cells.read_texts(texts, row.values, dataset.mapping)
        if not same:
            return {tab.form.status: render_status(opened.row, "Saved", version=version)}
        # The same texts came another way meanwhile (from this page before it was reloaded): the table lacks them yet.
    return {
        tab.form.own: (str(opened), row.version),
        tab.form.status: render_status(row.id, "Saved", version=row.version),
        **count_edit(tab, values),
        **redraw(tab, values, dataset, row.id),
        **show_actions(tab, dataset, row),
    }


def texts_of(tab: Tab, values: Mapping) -> list[str]:
    return [values[field] or "" for field in tab.form.fields]


def redraw(tab: Tab, values: Mapping, dataset: Dataset, selected: int | None, saved: str = "") -> dict:
    """The page as it is now, unless it went on to another dataset meanwhile."""
    if values[tab.shared.dataset] != dataset.id:
        return {}
    return show_page(tab, dataset, view_at_hand(tab, values), selected, saved=saved)


def wire_conflict(tab: Tab) -> None:
    """Two people on one row: the second sees both texts and chooses."""

    @told
    def keep_mine(values: dict):
        refuse_read_only(tab.services)
        opened = row_in_form(tab, values)
        shown = save_form(tab, values, opened, force=True)
        dataset = open_dataset(tab.services.home, opened.dataset)
        return shown | show_row(tab, dataset, dataset.row(opened.row), "Saved: your text")

    @told
    def take_theirs(values: dict):
        opened = row_in_form(tab, values)
        dataset = open_dataset(tab.services.home, opened.dataset)
        shown = show_row(tab, dataset, dataset.row(opened.row), "The other text stays")
        return shown | redraw(tab, values, dataset, opened.row)

    tab.form.keep_mine.click(keep_mine, tab.inputs, tab.outputs, **ORDERED)
    tab.form.take_theirs.click(take_theirs, tab.inputs, tab.outputs, **ORDERED)


def row_in_form(tab: Tab, values: Mapping) -> cells.Opened:
    """The row that the form shows; DataError if it shows none."""
    opened = cells.read_opened(values[tab.form.opened])
    if opened is None:
        raise DataError("No row is selected. Click one in the table first.")
    return opened


def wire_grid(tab: Tab) -> None:
    """Cells edited in their place, and the roles of the columns."""

    @told
    def save_cell(values: dict, evt: gr.EventData):
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        row_id, version = number_from(evt, "id"), number_from(evt, "version")
        column = column_from(dataset, evt)
        text, ticket = text_from(evt, "text"), text_from(evt, "ticket")
        try:
            row = dataset.row(row_id)
            role = dataset.mapping.get(column, "")
            row = dataset.edit(row_id, {column: cells.read_cell(text, row.values[column], column, role)}, version)
        except EditConflict as error:
            mine = {**error.theirs.values, column: text}
            return show_cell_conflict(tab, values, dataset, error, mine, version) | redraw(
                tab, values, dataset, row_id, ticket
            )
        shown = redraw(tab, values, dataset, row_id, ticket) | count_edit(tab, values)
        return shown | show_row(tab, dataset, row, "Saved") | {tab.shared.row: row.id}

    @told
    def set_role(values: dict, evt: gr.EventData):
        refuse_read_only(tab.services)
        dataset, role = dataset_at_hand(tab, values), text_from(evt, "role")
        if role not in ROLES:
            raise DataError(f"There is no role {role[:40]!r}. The roles are {', '.join(ROLES)}.")
        dataset.set_mapping({**dataset.mapping, column_from(dataset, evt): role})
        save_choice(tab.services.home, dataset.mapping)
        return after_change(tab, values, dataset, values[tab.shared.row], f"Role set to {role}")

    tab.grid.cell(save_cell, tab.inputs, tab.outputs, **ORDERED)
    tab.grid.role(set_role, tab.inputs, tab.outputs, **ORDERED)


def column_from(dataset: Dataset, evt: gr.EventData) -> str:
    columns, number = dataset.columns, number_from(evt, "column")
    if number >= len(columns):
        raise DataError(f"There is no column {number + 1}. Reload the page.")
    return columns[number]


def show_cell_conflict(
    tab: Tab, values: Mapping, dataset: Dataset, error: EditConflict, mine: Mapping, version: int
) -> dict:
    """The form with what was typed in the table, as if it had been typed in the form."""
    shown = show_row(tab, dataset, error.theirs)
    for field, value in zip(tab.form.fields, mine.values(), strict=False):
        shown[field] = gr.Textbox(value=cells.show_cell(value))
    shown[tab.form.opened] = str(cells.Opened(dataset.id, error.theirs.id, version))
    return shown | show_conflict(tab, error) | {tab.shared.row: error.theirs.id}


def wire_buttons(tab: Tab) -> None:
    """Add, duplicate, delete, undo and redo."""
    buttons = tab.form.buttons

    @told
    def add(values: dict):
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        behind = find_row(dataset, values[tab.shared.row])
        return show_new(tab, values, dataset, dataset.add({}, behind and behind.id).id, "Added")

    @told
    def duplicate(values: dict):
        refuse_read_only(tab.services)
        opened = row_in_form(tab, values)
        dataset = open_dataset(tab.services.home, opened.dataset)
        return show_new(tab, values, dataset, dataset.duplicate(opened.row).id, f"A copy of row {opened.row}")

    @told
    def delete(values: dict):
        refuse_read_only(tab.services)
        opened, view = row_in_form(tab, values), view_at_hand(tab, values)
        dataset = open_dataset(tab.services.home, opened.dataset)
        position = place_of(tab, dataset, view, opened.row)
        dataset.delete([opened.row])
        return after_change(tab, values, dataset, None, f"Deleted row {opened.row}", position)

    @told
    def undo(values: dict):
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        said = dataset.undo() or "There is nothing to undo."
        return after_change(tab, values, dataset, values[tab.shared.row], said)

    @told
    def redo(values: dict):
        refuse_read_only(tab.services)
        dataset = dataset_at_hand(tab, values)
        said = dataset.redo() or "There is nothing to redo."
        return after_change(tab, values, dataset, values[tab.shared.row], said)

    for name, handler in {"duplicate": duplicate, "delete": delete, "undo": undo, "redo": redo}.items():
        buttons[name].click(handler, tab.inputs, tab.outputs, **ORDERED)
    added = buttons["add"].click(add, tab.inputs, tab.outputs, **ORDERED)
    added.success(fn=None, js=FOCUS_FIRST_FIELD, api_visibility="private")
