"""The row as the model sees it: its text cut into tokens, each coloured by what it is for.

The tokens come from the encoder that the worker trains on; nothing here decides anything.
"""

from html import escape

from components.shared import Services, read_recipe
from studio.data.roles.conversations import to_example
from studio.data.store import open_dataset
from studio.errors import StudioError
from studio.models.shelf import Shelved
from studio.settings import Recipe
from studio.templates.encoding import Encoded, encode, with_system
from studio.templates.example import Example
from studio.templates.library import find_template

SHOWN_TOKENS = 3000
METHODS = {
    "prefix": "The answer begins where the prompt's tokens end (checked).",
    "boundary": "Prompt and answer would share a token, so each is tokenised for itself, as when the model answers.",
    "all": "Every token is trained, the prompt's too.",
}


def render_preview(
    services: Services,
    recipe_values: dict | None,
    dataset_id: str | None,
    row_id: int | None,
    values: dict | None = None,
) -> str:
    """HTML of a row's tokens; `values` are cell texts that are not saved yet. Problems are shown in its place."""
    try:
        if not dataset_id or row_id is None:
            return note("Choose a row in the Data tab to see what the model will learn from it.")
        recipe = read_recipe(recipe_values)
        dataset = open_dataset(services.home, dataset_id)
        cells = {**dataset.row(row_id).values, **(values or {})}
        return preview_example(services, recipe, to_example(cells, dataset.mapping))
    except StudioError as error:
        return note(str(error), "problem")


def preview_example(services: Services, recipe: Recipe, example: Example) -> str:
    """HTML of one example under a recipe; the model's tokenizer may still be on its way."""
    model = services.shelf.look(recipe.model.name, recipe.model.revision)
    if model.state != "ready":
        return waiting(model)
    template = find_template(recipe.template, model.tokenizer)
    encoded = encode(
        with_system(example, recipe.template.system),
        template,
        model.tokenizer,
        services.renderer,
        max_length=recipe.train.max_length,
        train_on=recipe.template.train_on,
    )
    return draw(encoded)


def waiting(model: Shelved) -> str:
    """A model that is being fetched, or could not be."""
    if model.state == "failed":
        return note(model.message, "problem")
    share = "" if model.fraction is None else f" ({model.fraction:.0%})"
    return note(f"{model.message}{share} ...")


def note(text: str, kind: str = "muted") -> str:
    return f'<div class="token-note {kind}" role="status">{escape(text)}</div>'


def draw(encoded: Encoded) -> str:
    """The legend and the tokens."""
    trained, context, cut = (encoded.count(state) for state in ("trained", "context", "cut"))
    total = len(encoded.ids)
    headline = f"<b>{trained} of {total} tokens teach the model</b>"
    if cut:
        headline += f' <span class="caution">{cut} cut off by max length {encoded.max_length}</span>'
    if not trained:
        headline = f'<b class="problem">No token teaches the model</b>: the answer is empty or cut off ({total} tokens)'
    legend = " ".join(
        f'<span class="legend"><span class="token {state}">{label}</span> {count}</span>'
        for state, label, count in (
            ("trained", "trained", trained),
            ("context", "context", context),
            ("cut", "cut", cut),
        )
        if count or state != "cut"
    )
    return (
        f'<div class="token-head tabular">{headline}<span class="legends">{legend}</span></div>'
        f'<div class="token-text" tabindex="0" aria-label="The row as tokens">{tokens(encoded)}</div>'
        f'<div class="muted token-method">{escape(METHODS[encoded.method])}</div>'
    )


def tokens(encoded: Encoded) -> str:
    """One span per token; those of one character (an emoji, say) share a span."""
    pieces, spans, index = encoded.pieces(), [], 0
    while index < min(len(pieces), SHOWN_TOKENS):
        end = index + 1
        while end < len(pieces) and not pieces[end] and pieces[index]:
            end += 1
        ids = " ".join(str(id) for id in encoded.ids[index:end])
        text = escape(pieces[index]).replace("\n", '<i class="newline">↵</i>\n')
        state, title = encoded.state(index), f"id {ids}, position {index}"
        spans.append(f'<span class="token {state}" data-ids="{ids}" title="{title}">{text}</span>')
        index = end
    if len(pieces) > SHOWN_TOKENS:
        spans.append(f'<span class="muted"> ... and {len(pieces) - SHOWN_TOKENS:,} more tokens</span>')
    return "".join(spans)
