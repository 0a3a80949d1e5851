"""The components of the “Add data” panel, and what they show as the panel opens, reads and ends."""

from dataclasses import dataclass

import gradio as gr

from components.data.panels import lay_out_panel
from studio.data.importing import ImportPreview
from studio.data.reading.parsed import DELIMITERS, ENCODINGS, TEXT_AS

FILE_TYPES = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xlsx", ".parquet", ".arrow", ".feather", ".txt", ".md"]
NAMES_OF_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class Adding:
    """The panel's components."""

    panel: gr.Column
    examples: gr.HTML
    file: gr.UploadButton
    folder: gr.UploadButton
    text: gr.Textbox
    read: gr.Button
    repo: gr.Textbox
    subset: gr.Dropdown
    split: gr.Dropdown
    limit: gr.Textbox
    look: gr.Button
    fetch: gr.Button
    empty: gr.Button
    options: dict[str, gr.Dropdown | gr.Checkbox]
    shown: gr.HTML
    name: gr.Textbox
    take: gr.Button
    drop_rows: gr.Button
    cancel: gr.Button
    ticket: gr.State
    """Of the import that waits (studio/data/importing/desk.py)"""
    opened: gr.State
    """Whether the panel is open"""

    @property
    def pending(self) -> list:
        """What shows an import that waits."""
        decision = [self.name, self.take, self.drop_rows, self.cancel]
        return [self.ticket, self.shown, *decision, *self.options.values()]


def lay_out() -> Adding:
    """The panel, closed: the ways in, then what would be imported."""
    with gr.Column(visible=False, elem_id="data-adding") as panel:
        with gr.Tabs(elem_id="data-sources"):
            with gr.Tab("Examples", id="examples"):
                examples = lay_out_panel("data-examples")
            with gr.Tab("Upload", id="upload"), gr.Row(elem_classes="actions"):
                file = gr.UploadButton(
                    "Choose a file", file_types=FILE_TYPES, elem_id="data-upload", size="sm", scale=0
                )
                folder = gr.UploadButton(
                    "Choose a folder", file_count="directory", elem_id="data-upload-folder", size="sm", scale=0
                )
                gr.HTML("<span class='muted'>JSON, JSONL, CSV, TSV, Excel, Parquet, Arrow or text</span>")
            with gr.Tab("Paste", id="paste"):
                text = gr.Textbox(
                    label="Rows: JSON, JSON Lines, or cells copied from a spreadsheet with their header",
                    lines=6,
                    max_lines=12,
                    elem_id="data-paste",
                )
                read = gr.Button("Read the text", elem_id="data-read-text", size="sm", scale=0)
            with gr.Tab("Hub", id="hub"):
                repo, subset, split, limit, look, fetch = lay_out_hub()
            with gr.Tab("Start empty", id="empty"):
                empty = gr.Button("Start with one empty row", elem_id="data-start-empty", size="sm", scale=0)
        options = lay_out_options()
        with gr.Row(elem_classes="actions", equal_height=False):
            name, take, drop_rows, cancel = lay_out_decision()
        shown = lay_out_panel("data-pending")
    return Adding(
        panel, examples, file, folder, text, read, repo, subset, split, limit, look, fetch, empty,
        options, shown, name, take, drop_rows, cancel, gr.State(""), gr.State(False),
    )  # fmt: skip


def lay_out_decision() -> tuple:
    """What can be done with rows that were read; hidden until there are any."""
    small = {"size": "sm", "scale": 0, "visible": False}
    name = gr.Textbox(
        label="Name of the dataset", elem_id="data-name", max_lines=1, visible=False, scale=0, min_width=280
    )
    take = gr.Button("Import", elem_id="data-take", variant="primary", **small)
    drop_rows = gr.Button("Go on without those rows", elem_id="data-drop-rows", **small)
    cancel = gr.Button("Cancel", elem_id="data-cancel-import", **small)
    return name, take, drop_rows, cancel


def lay_out_hub() -> tuple:
    """A dataset of the hub by its name; what it consists of is asked for first."""
    with gr.Row(equal_height=False, elem_classes="actions"):
        repo = gr.Textbox(
            label="Dataset", placeholder="owner/name", elem_id="data-hub-name", max_lines=1, min_width=240
        )
        subset = gr.Dropdown([], label="Subset", elem_id="data-hub-subset", min_width=140)
        split = gr.Dropdown([], label="Split", elem_id="data-hub-split", min_width=120)
        limit = gr.Textbox(
            label="Rows at most", placeholder="all", elem_id="data-hub-limit", max_lines=1, min_width=110
        )
    with gr.Row(elem_classes="actions"):
        look = gr.Button("Look what there is", elem_id="data-hub-look", size="sm", scale=0)
        fetch = gr.Button("Fetch the rows", elem_id="data-hub-fetch", size="sm", scale=0)
    return repo, subset, split, limit, look, fetch


def lay_out_options() -> dict[str, gr.Dropdown | gr.Checkbox]:
    """How the file is read: as found out, unless the user knows better."""
    with gr.Row(elem_classes="read-options", equal_height=False):
        common = {"visible": False, "min_width": 140, "interactive": True}
        delimiters = [(NAMES_OF_DELIMITERS[mark], mark) for mark in DELIMITERS]
        return {
            "encoding": gr.Dropdown(list(ENCODINGS), label="Encoding", elem_id="data-read-encoding", **common),
            "delimiter": gr.Dropdown(delimiters, label="Cells divided by", elem_id="data-read-delimiter", **common),
            "header": gr.Checkbox(True, label="The first row names the columns", elem_id="data-read-header", **common),
            "sheet": gr.Dropdown([], label="Sheet or list", elem_id="data-read-sheet", **common),
            "text_as": gr.Dropdown(list(TEXT_AS), label="One row is", elem_id="data-read-text-as", **common),
        }


def show_panel(adding: Adding, opened: bool) -> dict:
    return {adding.opened: opened, adding.panel: gr.Column(visible=opened)}


def show_options(adding: Adding, preview: ImportPreview | None) -> dict:
    """Only what this kind of file can be read by, as it was found; as they are, where it cannot be read so."""
    if preview is None:
        return {}
    used, kind, controls = preview.options, preview.parsed.format, adding.options
    table = kind in ("csv", "tsv", "xlsx")
    seen = {
        "encoding": used.encoding is not None,
        "delimiter": used.delimiter is not None,
        "header": table,
        "sheet": len(preview.parsed.sheets) > 1,
        "text_as": kind == "txt",
    }
    shown = {controls[name]: gr.update(visible=visible, value=getattr(used, name)) for name, visible in seen.items()}
    if seen["sheet"]:
        shown[controls["sheet"]] = gr.update(visible=True, choices=preview.parsed.sheets, value=used.sheet)
    return shown


def hide_options(adding: Adding) -> dict:
    return {control: gr.update(visible=False) for control in adding.options.values()}


def clear(adding: Adding) -> dict:
    """The lower half as it is before anything was chosen."""
    buttons = {each: gr.Button(visible=False) for each in (adding.take, adding.drop_rows, adding.cancel)}
    cleared = {adding.ticket: "", adding.shown: "", adding.name: gr.Textbox(value="", visible=False)}
    return cleared | buttons | hide_options(adding)
