"""`runs` and `stop`: the runs there are."""

from argparse import Namespace
from typing import Any

from studio.cli.frame import Terminal, add_verb, choose_home, table

HEADER = ["run", "status", "step", "model", "dataset", "eval loss", "exact match base -> tuned"]


def add_verbs(verbs: Any) -> None:
    add_verb(verbs, "runs", show_runs, "list the runs, the newest first")
    stop = add_verb(verbs, "stop", stop_run, "ask a run to save what it learned and stop")
    stop.add_argument("run", metavar="RUN", help="a run's name")


def show_runs(arguments: Namespace, terminal: Terminal) -> int:
    from studio.runs.folder import describe_run, list_runs

    home = choose_home(arguments)
    found = [describe_run(run) for run in list_runs(home)]
    text = table([HEADER, *map(table_row, found)]) if found else f"There are no runs in {home.path} yet."
    terminal.answer(found, text)
    return 0


def table_row(run: dict) -> list[str]:
    """One run as text."""
    loss, match = run["metrics"].get("eval"), run["metrics"].get("test", {}).get("exact_match")
    return [
        run["name"],
        run["status"],
        f"{run['step']}/{run['steps']}",
        run["model"],
        run["dataset"],
        "" if loss is None else f"{loss:.3f}",
        f"{match['base']:.1%} -> {match['tuned']:.1%}" if match else "",
    ]


def stop_run(arguments: Namespace, terminal: Terminal) -> int:
    from studio.runs.folder import open_run, read_status
    from studio.runs.start import request_stop

    run = open_run(choose_home(arguments), arguments.run)
    request_stop(run)
    document = {"run": run.name, "status": read_status(run)}
    terminal.answer(document, f"{run.name} will save what it learned and stop after the step it is at.")
    return 0
