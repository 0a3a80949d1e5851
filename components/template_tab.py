"""The Template tab: choose or edit the template, and see the selected row as the model will."""

from collections.abc import Callable
from html import escape

import gradio as gr

from components.shared import FOLLOWING, QUIET, Services, Shared, read_recipe, told
from components.token_view import note, render_preview
from studio.data.store import open_dataset
from studio.errors import StudioError
from studio.settings import Recipe
from studio.templates.library import CUSTOM, OWN, find_template, list_templates

VARIABLES = (
    "A row gives `instruction`, `input`, `output`, `system`, or the whole conversation as `messages` "
    "(each with `role` and `content`) with `add_generation_prompt`; the model gives `bos_token`, `eos_token`. "
    "Write `{{ output }}` where the answer belongs: what stands before it is the prompt."
)


def build_template_tab(services: Services, shared: Shared, tab: gr.Tab) -> None:
    """Left: the library and the editor. Right: the same row as tokens, following every keystroke."""
    waiting = gr.State(False)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5):
            name = gr.Dropdown(choices(), label="Template", elem_id="template-name", interactive=True)
            about = gr.Markdown(elem_classes="muted")
            jinja = gr.Code(
                language="jinja2", label="Jinja source (editing makes it yours)", elem_id="template-jinja", lines=12
            )
            system = gr.Textbox(
                label="System prompt for rows without their own", lines=2, elem_id="template-system", max_length=20_000
            )
            train_on = gr.Radio(
                [("only the answer", "answer"), ("prompt and answer", "all")],
                label="Train on",
                elem_id="template-train-on",
            )
            gr.Markdown(VARIABLES, elem_classes="muted")
        with gr.Column(scale=7):
            with gr.Row(elem_classes="row-steps"):
                earlier = gr.Button("Previous row", size="sm", min_width=80)
                place = gr.HTML(elem_id="template-row", elem_classes="row-place")
                later = gr.Button("Next row", size="sm", min_width=80)
            preview = gr.HTML(elem_id="template-preview", min_height=300)

    state = {shared.recipe, shared.dataset, shared.row}

    def draw(data: dict) -> dict:
        dataset_id, row_id = current_row(services, data[shared.dataset], data[shared.row])
        html = render_preview(services, data[shared.recipe], dataset_id, row_id)
        recipe = read_recipe(data[shared.recipe])
        loading = services.shelf.look(recipe.model.name, recipe.model.revision).state == "loading"
        return {preview: html, place: describe_place(services, dataset_id, row_id), waiting: loading}

    def fill(data: dict) -> dict:
        recipe = read_recipe(data[shared.recipe])
        settings = recipe.template
        return {
            name: gr.Dropdown(choices(), value=settings.name),
            about: describe_template(settings.name),
            jinja: source_of(services, recipe),
            system: settings.system,
            train_on: settings.train_on,
            **draw(data),
        }

    def choose(data: dict) -> dict:
        chosen = data[name]
        kept = data[jinja] if chosen == CUSTOM else ""
        return change_template(data, name=chosen, jinja=kept)

    def edit(data: dict) -> dict:
        if data[jinja] == source_of(services, read_recipe(data[shared.recipe])):
            return {name: gr.skip()}  # the program wrote it
        return {name: CUSTOM, about: describe_template(CUSTOM), **only_preview(data, name=CUSTOM, jinja=data[jinja])}

    def only_preview(data: dict, **changes: str) -> dict:
        recipe = with_template(data[shared.recipe], **changes)
        data = {**data, shared.recipe: recipe}
        return {shared.recipe: recipe, **draw(data)}

    def change_template(data: dict, **changes: str) -> dict:
        data = {**data, shared.recipe: with_template(data[shared.recipe], **changes)}
        return {shared.recipe: data[shared.recipe], **fill(data)}

    def step(data: dict, by: int) -> dict:
        dataset_id, row_id = current_row(services, data[shared.dataset], data[shared.row])
        moved = neighbour(services, dataset_id, row_id, by)
        return {shared.row: moved, **draw({**data, shared.dataset: dataset_id, shared.row: moved})}

    shown = [preview, place, waiting]
    editor = [name, about, jinja, system, train_on]
    tab.select(told(fill), state, [*editor, *shown], **QUIET)
    gr.on(
        [shared.dataset.change, shared.row.change, shared.edits.change],
        told(draw), state, shown, **FOLLOWING,
    )  # fmt: skip
    name.input(told(choose), {*state, name, jinja}, [shared.recipe, *editor, *shown], **QUIET)
    jinja.input(told(edit), {*state, jinja}, [shared.recipe, name, about, *shown], trigger_mode="always_last", **QUIET)
    # Gradio's `input` misses paste and Backspace in text fields; `change` also comes when the program writes.
    system.change(
        told(unless_known(shared, system, lambda data: only_preview(data, system=data[system]))),
        {*state, system}, [shared.recipe, *shown], trigger_mode="always_last", **QUIET,
    )  # fmt: skip
    train_on.input(
        told(lambda data: only_preview(data, train_on=data[train_on])),
        {*state, train_on},
        [shared.recipe, *shown],
        **QUIET,
    )
    earlier.click(told(lambda data: step(data, -1)), state, [shared.row, *shown], **QUIET)
    later.click(told(lambda data: step(data, 1)), state, [shared.row, *shown], **QUIET)
    shared.timer.tick(
        told(lambda data: fill(data) if data[waiting] else {waiting: gr.skip()}),
        {*state, waiting}, [*editor, *shown], queue=False, **QUIET,
    )  # fmt: skip


def unless_known(shared: Shared, system: gr.Textbox, draw: Callable[[dict], dict]) -> Callable[[dict], dict]:
    """Draw for a system prompt that is new; the program wrote it otherwise, or an earlier event told it already, and
    an old answer must not come last."""

    def type_system(data: dict) -> dict:
        known = data[system] == read_recipe(data[shared.recipe]).template.system
        return {shared.recipe: gr.skip()} if known else draw(data)

    return type_system


def choices() -> list[tuple[str, str]]:
    """What the dropdown offers."""
    shipped = [(preset.title, preset.name) for preset in list_templates()]
    return [("The model's own chat template", OWN), *shipped, ("Your own", CUSTOM)]


def describe_template(name: str) -> str:
    """One sentence about a template."""
    about = {preset.name: preset.description for preset in list_templates()}
    about[OWN] = "As the model was taught to converse; the right choice for every chat model."
    about[CUSTOM] = "Your own; it is stored in the recipe and with every run."
    return about.get(name, "")


def with_template(values: dict, **changes: str) -> dict:
    """The recipe's values with template settings changed; checked when they are used."""
    return {**values, "template": {**values.get("template", {}), **changes}}


def source_of(services: Services, recipe: Recipe) -> str:
    """The Jinja source of the recipe's template; empty while the model is on its way or has none."""
    if recipe.template.name == CUSTOM:
        return recipe.template.jinja
    model = services.shelf.look(recipe.model.name, recipe.model.revision)
    if recipe.template.name == OWN and model.state != "ready":
        return ""
    try:
        return find_template(recipe.template, model.tokenizer).jinja
    except StudioError:
        return ""


def current_row(services: Services, dataset_id: str | None, row_id: int | None) -> tuple[str | None, int | None]:
    """The selected row, else the dataset's first."""
    if not dataset_id:
        return None, None
    try:
        dataset = open_dataset(services.home, dataset_id)
        if row_id is not None:
            dataset.offset_of(row_id)  # it may be deleted by now
            return dataset_id, row_id
    except StudioError:
        row_id = None
    return dataset_id, first_row(services, dataset_id)


def first_row(services: Services, dataset_id: str) -> int | None:
    rows = open_dataset(services.home, dataset_id).page(0, 1)
    return rows[0].id if rows else None


def neighbour(services: Services, dataset_id: str | None, row_id: int | None, by: int) -> int | None:
    """The row before or after, or the same at either end."""
    if dataset_id is None or row_id is None:
        return row_id
    dataset = open_dataset(services.home, dataset_id)
    place = min(max(0, dataset.offset_of(row_id) + by), dataset.count() - 1)
    return dataset.page(place, 1)[0].id


def describe_place(services: Services, dataset_id: str | None, row_id: int | None) -> str:
    """ "row 37 of 412" """
    if dataset_id is None or row_id is None:
        return note("No dataset yet: load one in the Data tab.")
    dataset = open_dataset(services.home, dataset_id)
    return (
        f'<div class="tabular muted">Row {dataset.offset_of(row_id) + 1:,} of {dataset.count():,} '
        f"in {escape(dataset.name)} (id {row_id})</div>"
    )
