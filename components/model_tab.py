"""The Model tab: which model, and every setting of the run; the recipe beside it as YAML and command line."""

from html import escape
from pathlib import Path

import gradio as gr

from components.form import Form, build_form
from components.shared import QUIET, Services, Shared, read_recipe, told
from components.token_view import note
from studio.errors import SettingsError
from studio.models.card import describe_folder
from studio.models.catalogue import find_model, list_models
from studio.models.shelf import Shelved
from studio.recipes import list_recipes, load_recipe, parse_recipe, to_command, to_yaml
from studio.settings import Recipe, change, changed_settings

SIMPLE = ["method", "lora", "quantization", "data", "evaluate", "train"]
ADVANCED = ["train", "quantization", "model", "data", "launch"]
ELSEWHERE = ("model.name",)  # chosen above


def build_model_tab(services: Services, shared: Shared, tab: gr.Tab) -> None:
    """Left: the model and the recipe. Right: the settings."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5):
            model = gr.Dropdown(
                model_choices(),
                label="Model",
                info="One of these, any model on the hub (owner/name), or a folder with safetensors.",
                allow_custom_value=True,
                elem_id="model-name",
            )
            card = gr.HTML(elem_id="model-card")
            with gr.Row():
                preset = gr.Dropdown(list_recipes(), label="Start from a recipe", scale=3, elem_id="recipe-preset")
                load = gr.Button("Load recipe", scale=1, min_width=90)
                upload = gr.UploadButton("Upload YAML", file_types=[".yaml", ".yml"], scale=1, min_width=90)
            changed = gr.HTML(elem_id="recipe-changed")
            with gr.Accordion("Recipe as YAML", open=False):
                yaml = gr.Code(
                    language="yaml", interactive=False, show_label=False, elem_id="recipe-yaml", max_lines=24
                )
            command = gr.Code(
                language="shell",
                interactive=False,
                label="The same from a terminal",
                elem_id="recipe-command",
                wrap_lines=True,
            )
        with gr.Column(scale=7):
            problems = gr.HTML(elem_id="recipe-problems")
            with gr.Column(elem_classes="settings-grid"):
                simple = build_form(SIMPLE, advanced=False, skip=ELSEWHERE)
            with gr.Accordion("Advanced settings", open=False), gr.Column(elem_classes="settings-grid"):
                advanced = build_form(ADVANCED, advanced=True)
    form = Form({**simple.controls, **advanced.controls}, {**simple.settings, **advanced.settings})
    waits = gr.State(False)
    texts = [card, waits, changed, yaml, command, problems]
    everything = [shared.recipe, model, *form.controls.values(), *texts]
    state = {shared.recipe, shared.dataset}

    def describe(recipe: Recipe, dataset_id: str | None) -> dict:
        dataset_id = dataset_id or "complaints"
        return {
            **look(recipe),
            changed: describe_changes(recipe),
            yaml: to_yaml(recipe, dataset_id),
            command: to_command(recipe, dataset_id),
            problems: "",
        }

    def look(recipe: Recipe) -> dict:
        shelved = services.shelf.look(recipe.model.name, recipe.model.revision)
        return {card: describe_model_card(recipe.model.name, shelved), waits: shelved.state == "loading"}

    def fill(data: dict) -> dict:
        recipe = read_recipe(data[shared.recipe])
        return {model: recipe.model.name, **form.values(recipe), **describe(recipe, data[shared.dataset])}

    def edit(data: dict) -> dict:
        recipe = read_recipe(data[shared.recipe])
        asked = {path: data[control] for path, control in form.controls.items()}
        try:
            recipe = change(recipe, {**asked, "model.name": (data[model] or "").strip()})
        except SettingsError as error:
            return {problems: note(str(error), "problem")}
        values = recipe.model_dump()
        return {
            shared.recipe: gr.skip() if values == data[shared.recipe] else values,
            **form.visibility(recipe),
            **describe(recipe, data[shared.dataset]),
        }

    def use(recipe: Recipe, data: dict) -> dict:
        values = recipe.model_dump()
        return {shared.recipe: values, **fill({**data, shared.recipe: values})}

    def load_preset(data: dict) -> dict:
        if not data[preset]:
            raise SettingsError("Choose a recipe first.")
        return use(load_recipe(data[preset])[0], data)

    def load_upload(data: dict) -> dict:
        path = Path(data[upload])
        return use(parse_recipe(path.read_text(encoding="utf-8", errors="replace"), path.name)[0], data)

    tab.select(told(fill), state, everything[1:], **QUIET)
    # Gradio's `input` misses paste and Backspace in text fields; `change` also comes when the program writes, and
    # then finds the recipe as it is.
    gr.on(
        [model.change, *(control.change for control in form.controls.values())],
        told(edit), {*state, model, *form.controls.values()}, everything, trigger_mode="always_last", **QUIET,
    )  # fmt: skip
    load.click(told(load_preset), {*state, preset}, everything, **QUIET)
    upload.upload(told(load_upload), {*state, upload}, everything, **QUIET)
    shared.timer.tick(
        told(lambda data: look(read_recipe(data[shared.recipe])) if data[waits] else {waits: gr.skip()}),
        {shared.recipe, waits}, [card, waits], queue=False, **QUIET,
    )  # fmt: skip


def model_choices() -> list[tuple[str, str]]:
    """Models that can be instructed, with their size; gated ones are marked."""
    return [
        (f"{entry.title} · {entry.weights_bytes / 1e9:.1f} GB{' · gated' if entry.gated else ''}", entry.id)
        for entry in sorted(list_models(), key=lambda entry: entry.parameters)
        if "instruct" in entry.tasks
    ]


def describe_model_card(name: str, shelved: Shelved) -> str:
    """What is known of the model, and whether its tokenizer is here."""
    entry, lines = find_model(name), []
    if entry:
        lines.append(
            f"<b>{escape(entry.title)}</b> · {entry.parameters / 1e6:,.0f} M parameters · "
            f"weights {entry.weights_bytes / 1e9:.2f} GB · reads {entry.context:,} tokens"
        )
        lines.append(f"Licence: {escape(entry.licence)}. {escape(entry.licence_note)}")
        if entry.gated:
            lines.append(
                '<span class="caution">Gated: ask for access on its hub page, then put a token into HF_TOKEN or log in '
                "with <code>hf auth login</code>.</span>"
            )
        lines.append(f"Usual LoRA targets: <code>{escape(', '.join(entry.lora_targets))}</code>")
    lines.append(describe_shelved(shelved))
    return '<div class="model-card tabular">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>"


def describe_shelved(shelved: Shelved) -> str:
    """One line on where the model is."""
    if shelved.state == "loading":
        share = "" if shelved.fraction is None else f" ({shelved.fraction:.0%})"
        return f'<span class="muted">{escape(shelved.message)}{share} ...</span>'
    if shelved.state == "failed":
        return f'<span class="problem">{escape(shelved.message)}</span>'
    found = describe_folder(shelved.files.folder)
    template = (
        "with its own chat template" if shelved.tokenizer.chat_template else "without a chat template: choose one"
    )
    weights = (
        f"weights here ({shelved.files.size_bytes / 1e9:.2f} GB)"
        if shelved.files.size_bytes
        else "weights come at Start"
    )
    facts = f"{found.architecture}, {template}; {weights}; source: {shelved.files.source}"
    return f'<span class="muted">{escape(facts)}</span>'


def describe_changes(recipe: Recipe) -> str:
    """How the recipe differs from the defaults."""
    changes = changed_settings(recipe)
    if not changes:
        return note("All settings are at their defaults.")
    parts = [f"<code>{escape(path)}</code> {escape(str(value))[:40]}" for path, value in changes.items()]
    count = f"{len(changes)} setting{'s' * (len(changes) > 1)} changed from the defaults"
    return f'<details class="muted tabular"><summary>{count}</summary>{"<br>".join(parts)}</details>'
