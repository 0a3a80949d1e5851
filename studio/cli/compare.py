"""`compare`: one prompt, answered by base and tuned."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from studio.cli.frame import Terminal, add_verb, choose_home
from studio.errors import InferenceError

if TYPE_CHECKING:
    from studio.inference.client import InferenceHost
    from studio.inference.requests import TwinsRequest

COLUMNS = ("base", "tuned")
OPTIONS = ("max_new_tokens", "temperature", "seed")


def add_verbs(verbs: Any) -> None:
    verb = add_verb(verbs, "compare", compare, "put one prompt to base and tuned, side by side")
    verb.add_argument("run", metavar="RUN", help="a run's name")
    verb.add_argument("--prompt", required=True, metavar="P", help="what is asked: the instruction")
    verb.add_argument("--input", default="", metavar="TEXT", help="the input that belongs to the instruction")
    verb.add_argument("--system", default="", metavar="TEXT", help="system prompt (default: the run's)")
    verb.add_argument(
        "--same-tokens", action="store_true", help="give the base the tuned model's tokens, not its own chat template"
    )
    verb.add_argument("--max-new-tokens", type=int, metavar="N", help="longest answer in tokens (default: 256)")
    verb.add_argument("--temperature", type=float, metavar="T", help="0 (default): always the most likely token")
    verb.add_argument("--seed", type=int, metavar="N", help="seed of the random choices (default: 1234)")


def compare(arguments: Namespace, terminal: Terminal) -> int:
    from studio.inference.client import InferenceHost
    from studio.runs.folder import open_run

    home = choose_home(arguments)
    open_run(home, arguments.run)
    request = read_question(arguments)
    host = InferenceHost(home)
    try:
        host.open(arguments.run)
        host.wait_ready(progress=terminal.prepare)
        document = ask(host, request, terminal)
    finally:
        host.close()
    terminal.answer(document, describe(document))
    return 0


def read_question(arguments: Namespace) -> "TwinsRequest":
    """The request, checked before a model is loaded."""
    from studio.inference.requests import read_request

    if not (arguments.prompt + arguments.input).strip():
        raise InferenceError("There is nothing to answer: --prompt is empty. Write the question into it.")
    given = {name: getattr(arguments, name) for name in OPTIONS}
    return read_request(
        {
            "instruction": arguments.prompt,
            "input": arguments.input,
            "system": arguments.system,
            "mode": "same" if arguments.same_tokens else "own",
            "options": {name: value for name, value in given.items() if value is not None},
        }
    )


def ask(host: "InferenceHost", request: "TwinsRequest", terminal: Terminal) -> dict:
    """Both answers. They are written together; the tuned one is shown once the base's is complete."""
    waiting, shown = "", "base"
    terminal.show("Base:\n")
    for line in host.twins(request):
        if "column" not in line:
            terminal.show("\n\n")
            return {key: value for key, value in line.items() if key != "done"}
        if line["column"] == shown:
            terminal.show(line["text"])
        else:
            waiting += line["text"]
        if shown == "base" and line["column"] == "base" and line["done"]:
            terminal.show(f"\n\nTuned:\n{waiting}")
            shown = "tuned"
    raise InferenceError("The answer broke off before its end. Ask again.")


def describe(document: dict) -> str:
    """Figures and integrity under the two answers."""
    figures = [f"{name} {document[name]['tokens']} tokens at {document[name]['tokens_per_s']}/s" for name in COLUMNS]
    return (
        f"{'; '.join(figures)}; seed {document['seed']}; base asked in: {document['base_prompt']}.\n"
        f"Integrity: {document['integrity']['verdict']}."
    )
