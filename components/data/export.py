"""The Export panel: the rows as a file to download, a data card, and a dataset on the hub."""

import secrets
from html import escape
from pathlib import Path

import gradio as gr

from components.data.differences import count_rows
from components.data.parts import Tab
from components.data.views import dataset_at_hand, render_notice, view_at_hand
from components.shared import QUIET, read_recipe, refuse_read_only, told
from studio.data.export import EXTENSIONS, WRITERS, Exported, export_dataset
from studio.data.export.package import describe_dataset
from studio.data.export.push import Pushed, push_to_hub
from studio.data.view import read_ids
from studio.errors import DataError

FORMATS = {
    "JSON Lines: every value exactly": "jsonl",
    "Parquet: every value exactly": "parquet",
    "JSON: every value exactly": "json",
    "CSV": "csv",
    "CSV for spreadsheets: formulas made harmless": "csv-spreadsheet",
    "Messages (chat)": "messages",
    "Alpaca (instruction, input, output)": "alpaca",
    "ShareGPT (from, value)": "sharegpt",
    "Prompt and completion": "prompt-completion",
}
ALL, IN_VIEW = "all", "view"
# The file is ready when the hidden button has its address; a link cannot be made before the file is.
START_DOWNLOAD = "() => document.querySelector('#data-download a, a#data-download, #data-download')?.click()"


def build_export_panel(tab: Tab, panel: gr.Tab) -> None:
    """Left: files. Right: the hub."""
    with gr.Row(equal_height=False, elem_classes="export"):
        with gr.Column(scale=6, min_width=380):
            gr.HTML("<h3>As a file</h3>", apply_default_css=False)
            format = gr.Dropdown(list(FORMATS.items()), value="jsonl", label="Format", elem_id="data-export-format")
            scope = gr.Radio(
                [("all rows", ALL), ("the rows in view (search and filters of the Rows panel)", IN_VIEW)],
                value=ALL,
                label="Which rows",
                elem_id="data-export-scope",
            )
            with gr.Row(elem_classes="actions"):
                write = gr.Button("Download rows", elem_id="data-export", size="sm", scale=0, variant="primary")
                card = gr.Button("Download data card", elem_id="data-export-card", size="sm", scale=0)
            download = gr.DownloadButton("File", elem_id="data-download", visible="hidden")
            said = gr.HTML(elem_id="data-export-said", apply_default_css=False)
        with gr.Column(scale=5, min_width=340, visible=not tab.services.read_only):
            gr.HTML("<h3>To the Hugging Face hub</h3>", apply_default_css=False)
            repo = gr.Textbox(label="Name", placeholder="owner/name", elem_id="data-push-repo", max_lines=1)
            licence = gr.Textbox(label="Licence", placeholder="apache-2.0", elem_id="data-push-licence", max_lines=1)
            private = gr.Checkbox(label="Private: only you can see it", value=True, elem_id="data-push-private")
            push = gr.Button("Push to the hub", elem_id="data-push", size="sm", scale=0)
            pushed = gr.HTML(elem_id="data-pushed", apply_default_css=False)

    def ids_in_scope(values: dict) -> list[int] | None:
        if values[scope] != IN_VIEW:
            return None
        return read_ids(tab.services.home, dataset_at_hand(tab, values), view_at_hand(tab, values).query)

    @told
    def write_rows(values: dict):
        dataset, kind = dataset_at_hand(tab, values), values[format]
        if kind not in WRITERS:
            raise DataError("There is no such format. Choose one from the list.")
        file = make_folder(download) / f"{dataset.id}.{EXTENSIONS.get(kind, kind)}"
        return {said: render_exported(export_dataset(dataset, kind, file, ids_in_scope(values))), download: str(file)}

    @told
    def write_card(values: dict):
        dataset = dataset_at_hand(tab, values)
        file = make_folder(download) / "README.md"
        file.write_text(
            describe_dataset(tab.services.home, dataset, ids_in_scope(values), values[licence] or ""), "utf-8"
        )
        return {said: render_notice("The data card describes these rows.", "muted"), download: str(file)}

    @told
    def push_rows(values: dict):
        refuse_read_only(tab.services)
        settings = read_recipe(values[tab.shared.recipe]).data
        name, terms = (values[repo] or "").strip(), (values[licence] or "").strip()
        dataset = dataset_at_hand(tab, values)
        done = push_to_hub(tab.services.home, dataset, name, bool(values[private]), settings, terms)
        return {pushed: render_pushed(done)}

    inputs = tab.inputs | {format, scope, licence}
    for chosen, handler in ((write, write_rows), (card, write_card)):
        made = chosen.click(handler, inputs, [said, download], **{**QUIET, "show_progress": "minimal"})
        made.success(fn=None, js=START_DOWNLOAD, api_visibility="private")
    asked = tab.inputs | {tab.shared.recipe, repo, licence, private}
    push.click(push_rows, asked, [pushed], **{**QUIET, "show_progress": "minimal"})


def make_folder(download: gr.DownloadButton) -> Path:
    """A new folder of this process, from which the page may fetch."""
    folder = Path(download.GRADIO_CACHE) / f"export-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise DataError(f"The file could not be written ({error.strerror}). Check the disk.") from error
    return folder


def render_exported(done: Exported) -> str:
    """What was written, and what could not be."""
    lines = [render_notice(f"{count_rows(done.rows)} written.")]
    lines += [render_notice(note, "caution") for note in done.notes]
    for reason, ids in done.left_out.items():
        which = f"ids {', '.join(map(str, ids[:8]))}{', ...' * (len(ids) > 8)}"
        lines.append(render_notice(f"{count_rows(len(ids))} left out: {reason} ({which}).", "caution"))
    return "".join(lines)


def render_pushed(done: Pushed) -> str:
    counts = ", ".join(f"{count:,} in {split}" for split, count in done.counts.items())
    stayed = ", ".join(f"{count:,} {status}" for status, count in done.left_out.items())
    seen = "private" if done.private else "public"
    rest = f" Stayed here: {stayed}." if stayed else ""
    return f'<div class="notice" role="status">{escape(done.repo)} ({seen}): {counts}.{rest} {escape(done.url)}</div>'
