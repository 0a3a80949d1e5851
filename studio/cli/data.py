"""`data import | check | export | push | statistics | list`: datasets."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from studio.cli.data_in import FILE_HELP, SHOWN, add_import_verb, describe_problems
from studio.cli.data_out import add_out_verbs
from studio.cli.frame import Terminal, add_map_flag, add_verb, choose_home, plural, read_map, table
from studio.home import Home


def add_verbs(verbs: Any) -> None:
    data = verbs.add_parser("data", help="import, check, export, push and list datasets")
    nested = data.add_subparsers(title="verbs", metavar="VERB", required=True)
    add_import_verb(nested)
    check = add_verb(nested, "check", check_rows, "look for rows that would teach badly, and change nothing")
    check.add_argument("dataset", metavar="DATASET|FILE", help=f"a dataset's id, or {FILE_HELP}, which is not stored")
    add_map_flag(check)
    add_out_verbs(nested)
    add_verb(nested, "list", show_datasets, "list the datasets, the last changed first")


def check_rows(arguments: Namespace, terminal: Terminal) -> int:
    overrides = read_map(arguments.map)
    from studio.data.checks import check_rows as run_checks
    from studio.data.importing.finding import open_rows

    source = open_rows(choose_home(arguments), arguments.dataset, overrides)
    checks = {name: {"count": len(ids), "rows": ids} for name, ids in run_checks(source.rows(), source.mapping).items()}
    document = {
        "dataset": source.name,
        "rows": source.count,
        "checks": checks,
        "problems": [asdict(problem) for problem in source.problems],
    }
    lines = [f"{source.name}: {plural(source.count, 'row')}"]
    for name, found in checks.items():
        if found["count"]:
            ids = ", ".join(map(str, found["rows"][:SHOWN])) + (", ..." if found["count"] > SHOWN else "")
            lines.append(f"  {name.replace('_', ' ')}: {found['count']} (row ids {ids})")
    clean = [name.replace("_", " ") for name, found in checks.items() if not found["count"]]
    lines += [f"  nothing: {', '.join(clean)}"] if clean else []
    if source.problems:
        lines += [f"  rows that cannot be read: {len(source.problems)}", *describe_problems(source.problems)]
    terminal.answer(document, "\n".join(lines))
    return 0


def show_datasets(arguments: Namespace, terminal: Terminal) -> int:
    from studio.data.store import list_datasets

    home: Home = choose_home(arguments)
    found = [asdict(info) for info in list_datasets(home)]
    rows = [["dataset", "rows", "modified", "name"]]
    rows += [[info["id"], f"{info['rows']:,}", info["modified"][:19], info["name"]] for info in found]
    terminal.answer(found, table(rows) if found else f"There are no datasets in {home.path} yet.")
    return 0
