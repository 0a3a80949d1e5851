"""`train`: start a run from a recipe, follow it, and report how it ended."""

from argparse import SUPPRESS, Namespace
from typing import TYPE_CHECKING, Any

from studio.cli.frame import INTERRUPTED, Parser, Terminal, add_verb, choose_home, complain
from studio.cli.progress import describe_rows, ending, follow, summary
from studio.errors import SettingsError

if TYPE_CHECKING:
    from studio.home import Home
    from studio.runs.folder import Run
    from studio.settings import Recipe, Setting


def add_verbs(verbs: Any) -> None:
    verb = add_verb(verbs, "train", train, "fine-tune a model by a recipe; Ctrl-C saves what was learned and stops")
    verb.usage = f"{verb.prog} RECIPE [--dataset D] [--run NAME] [--detach] [--section.setting VALUE ...]"
    verb.add_argument("recipe", metavar="RECIPE", help="a shipped recipe's name, such as first-run, or a YAML file")
    verb.add_argument("--dataset", metavar="D", help="a dataset's id, or a shipped example (default: the recipe's)")
    verb.add_argument("--run", metavar="NAME", help="the run's name (default: the dataset's id and a number)")
    verb.add_argument("--detach", action="store_true", help="return at once; the run goes on by itself")
    add_settings_flags(verb)


def add_settings_flags(verb: Parser) -> None:
    """A flag per setting; each overrules the recipe."""
    from studio.settings import list_settings

    sections: dict[str, Any] = {}
    for setting in list_settings():
        if setting.section not in sections:
            sections[setting.section] = verb.add_argument_group(f"{setting.section} settings")
        text = f"{setting.help} Default: {show_default(setting.default)}."
        flag = f"--{setting.path}"
        sections[setting.section].add_argument(
            flag, dest=flag, metavar=metavar(setting), default=SUPPRESS, help=text.replace("%", "%%")
        )


def show_default(value: object) -> str:
    """A default as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return "empty" if value == "" else str(value)


def metavar(setting: "Setting") -> str:
    """What a setting takes."""
    if setting.choices:
        return "|".join(setting.choices)
    return {"integer": "N", "number": "X", "switch": "true|false", "text": "TEXT"}[setting.type]


def read_settings(arguments: Namespace) -> dict[str, Any]:
    """The settings given as flags, each read as its type where it can be; the settings themselves check the rest."""
    from studio.settings import list_settings

    types = {setting.path: setting.type for setting in list_settings()}
    given = {flag.removeprefix("--"): text for flag, text in vars(arguments).items() if flag.startswith("--")}
    return {path: read_value(types[path], text) for path, text in given.items()}


def read_value(kind: str, text: str) -> Any:
    """Text as a value of the kind; the text itself where it is none, to be refused with the setting's name."""
    if kind == "switch":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return {"integer": int, "number": float}.get(kind, str)(text)
    except ValueError:
        return text


def train(arguments: Namespace, terminal: Terminal) -> int:
    recipe, own_dataset = read_recipe(arguments)
    from studio.runs.folder import read_status

    home = choose_home(arguments)
    dataset = arguments.dataset or own_dataset
    if not dataset:
        raise SettingsError(f"The recipe {arguments.recipe} names no dataset; say which one with --dataset.")
    run = start(home, recipe, dataset, arguments.run, terminal)
    if not terminal.json:
        terminal.say("\n".join(describe_rows(run.resolved()["dataset"])))
    if arguments.detach:
        document = {"run": run.name, "status": read_status(run), "report": None}
        terminal.answer(document, f"{run.name} has started and goes on by itself; `python -m studio runs` shows it.")
        return 0
    stayed = follow(run, terminal.say)
    document = {"run": run.name, "status": read_status(run), "report": run.report()}
    terminal.answer(document, summary(document))
    reason = ending(run, document["status"]) if stayed else None
    if reason:
        complain(reason)
    return (1 if reason else 0) if stayed else INTERRUPTED


def read_recipe(arguments: Namespace) -> tuple["Recipe", str | None]:
    """The recipe with the flags applied, and the dataset it names."""
    from studio.recipes import load_recipe
    from studio.settings import change

    recipe, dataset = load_recipe(arguments.recipe)
    return change(recipe, read_settings(arguments)), dataset


def start(home: "Home", recipe: "Recipe", dataset: str, name: str | None, terminal: Terminal) -> "Run":
    """The run, started; what is wrong with its name is said before a shipped example is imported for it."""
    from studio.data.importing.finding import ensure_dataset
    from studio.runs.names import next_name
    from studio.runs.start import check_free, start_run
    from studio.templates.rendering import Renderer

    if name is not None:
        check_free(home, name)
    dataset_id = ensure_dataset(home, dataset)
    with Renderer() as renderer:
        return start_run(home, recipe, dataset_id, name or next_name(home, dataset_id), renderer, terminal.prepare)
