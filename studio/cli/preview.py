"""`preview`: what the model would learn from one row, token by token."""

from argparse import Namespace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.frame import Parser, Terminal, UsageError, add_map_flag, add_verb, choose_home, plural, read_map
from studio.errors import TemplateError

if TYPE_CHECKING:
    from studio.settings import Recipe
    from studio.templates.encoding import Encoded, Stop

MARKS = {"trained": "⟦{}⟧", "context": "{}", "cut": "✂{}"}
FLAGS = {
    "model": "model.name",
    "template": "template.name",
    "system": "template.system",
    "train_on": "template.train_on",
    "max_length": "train.max_length",
}


def add_verbs(verbs: Any) -> None:
    verb = add_verb(verbs, "preview", show_row, "show which tokens of a row teach the model")
    verb.add_argument("dataset", metavar="DATASET|FILE", help="a dataset's id, or a file, which is not stored")
    verb.add_argument("--row", type=int, default=0, metavar="I", help="which row, counted from 0 (default: 0)")
    add_template_flags(verb)
    verb.add_argument("--model", metavar="M", help="a model on the hub, or a folder (default: the default model)")
    verb.add_argument("--max-length", type=int, metavar="TOKENS", help="tokens from here on are cut (default: 512)")
    add_map_flag(verb)


def add_template_flags(verb: Parser) -> None:
    verb.add_argument("--template", metavar="T", help="a template's name (default: model, the model's own)")
    verb.add_argument("--jinja", metavar="FILE", help="a file with a template of your own, instead of --template")
    verb.add_argument("--system", metavar="TEXT", help="system prompt for rows that have none of their own")
    verb.add_argument("--train-on", metavar="WHAT", help="answer (default), or all: the prompt teaches as well")


def show_row(arguments: Namespace, terminal: Terminal) -> int:
    recipe, overrides = read_flags(arguments), read_map(arguments.map)
    from studio.data.importing.finding import open_rows
    from studio.data.roles.conversations import to_example, why_untrainable
    from studio.models.sources import resolve_files
    from studio.templates.encoding import encode, stop_of, with_system
    from studio.templates.library import find_template
    from studio.templates.rendering import Renderer
    from studio.templates.tokenizer import load_tokenizer

    home = choose_home(arguments)
    row = (source := open_rows(home, arguments.dataset, overrides)).row(arguments.row)
    example = with_system(to_example(row.values, source.mapping), recipe.template.system)
    model = recipe.model
    files = resolve_files(home, model.name, revision=model.revision, weights=False, progress=terminal.prepare)
    tokenizer = load_tokenizer(files.folder)
    template = find_template(recipe.template, tokenizer)
    options = {"max_length": recipe.train.max_length, "train_on": recipe.template.train_on}
    with Renderer() as renderer:
        encoded = encode(example, template, tokenizer, renderer, **options)
        stop = stop_of(template, tokenizer, renderer)
    document = {"row": row.id, "problem": why_untrainable(example), **describe(encoded, stop)}
    terminal.answer(document, draw(encoded, document))
    return 0


def read_flags(arguments: Namespace) -> "Recipe":
    """The flags as settings, checked; what is not given has the setting's default."""
    from studio.settings import Recipe, change

    given = {path: getattr(arguments, flag) for flag, path in FLAGS.items()}
    changes = {path: value for path, value in given.items() if value is not None}
    if arguments.jinja is not None:
        if arguments.template not in (None, "custom"):
            raise UsageError("Give either --template or --jinja, not both.")
        changes |= {"template.name": "custom", "template.jinja": read_jinja(Path(arguments.jinja))}
    elif arguments.template == "custom":
        raise UsageError("With --template custom, say which one it is: --jinja FILE.")
    return change(Recipe(), changes)


def read_jinja(path: Path) -> str:
    """A template of the user's own."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TemplateError(f"The template {path} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise TemplateError(f"The template {path} cannot be read ({error.strerror}). Check the path.") from None


def describe(encoded: "Encoded", stop: "Stop") -> dict:
    """The row as the `preview` document has it."""
    tokens = [
        {"id": id, "text": piece, "start": start, "end": end, "state": encoded.state(index)}
        for index, (id, piece, (start, end)) in enumerate(
            zip(encoded.ids, encoded.pieces(), encoded.spans, strict=True)
        )
    ]
    return {
        "text": encoded.text,
        "tokens": tokens,
        **{state: encoded.count(state) for state in ("trained", "context", "cut")},
        "method": encoded.method,
        "stop_token_trained": is_stop_trained(encoded, stop),
    }


def is_stop_trained(encoded: "Encoded", stop: "Stop") -> bool:
    """Whether the model learns to end its answer: what ends one stands, trained, behind the prompt."""
    places = [index for index in range(encoded.prompt_tokens, len(encoded.ids)) if encoded.state(index) == "trained"]
    if any(encoded.ids[index] in stop.ids for index in places):
        return True
    answer = encoded.text[encoded.spans[places[0]][0] : encoded.spans[places[-1]][1]] if places else ""
    return any(text in answer for text in stop.texts)


def draw(encoded: "Encoded", document: dict) -> str:
    """The text with its trained parts marked, and the counts."""
    states = [encoded.state(index) for index in range(len(encoded.ids))]
    parts = [
        MARKS[state].format("".join(piece for _, piece in group))
        for state, group in groupby(zip(states, encoded.pieces(), strict=True), key=lambda pair: pair[0])
    ]
    lines = ["".join(parts), "", f"{document['trained']} of {len(encoded.ids)} tokens teach the model (inside ⟦ ⟧)."]
    if document["cut"]:
        lines.append(f"{plural(document['cut'], 'token')} cut off (from ✂ on): the row is longer than --max-length.")
    if document["problem"]:
        lines.append(f"The row will not be trained: {document['problem']}.")
    elif not document["stop_token_trained"]:
        lines.append("The model does not learn where the answer ends.")
    return "\n".join(lines)
