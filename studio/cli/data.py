"""`data import | check | export | list`: datasets."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.frame import Terminal, UsageError, add_map_flag, add_verb, choose_home, plural, read_map, table
from studio.home import Home

if TYPE_CHECKING:
    from studio.data.importing import ImportResult

FILE_HELP = "a JSON, JSONL, CSV, TSV or Parquet file"
SHOWN = 10


def add_verbs(verbs: Any) -> None:
    data = verbs.add_parser("data", help="import, check, export and list datasets")
    nested = data.add_subparsers(title="verbs", metavar="VERB", required=True)
    add_import(nested)
    check = add_verb(nested, "check", check_rows, "look for rows that would teach badly, and change nothing")
    check.add_argument("dataset", metavar="DATASET|FILE", help=f"a dataset's id, or {FILE_HELP}, which is not stored")
    add_map_flag(check)
    export = add_verb(nested, "export", export_rows, "write a dataset to a new file")
    export.add_argument("dataset", metavar="DATASET", help="a dataset's id")
    export.add_argument("--format", required=True, metavar="F", help="jsonl, json, csv or parquet")
    export.add_argument("--out", required=True, metavar="FILE", help="the file to write; none is overwritten")
    add_verb(nested, "list", show_datasets, "list the datasets, the last changed first")


def add_import(nested: Any) -> None:
    verb = add_verb(nested, "import", import_rows, "make a dataset of a file, or of an example that is shipped")
    verb.add_argument("file", metavar="FILE", help=f"{FILE_HELP}; or the name of a shipped example, such as complaints")
    verb.add_argument("--name", metavar="N", help="the dataset's name (default: the file's)")
    add_map_flag(verb)
    verb.add_argument(
        "--drop-bad-rows", action="store_true", help="leave out rows that cannot be read, instead of importing nothing"
    )


def import_rows(arguments: Namespace, terminal: Terminal) -> int:
    overrides = read_map(arguments.map)
    from studio.data.finding import find_example
    from studio.data.importing import import_example, import_file

    home, path = choose_home(arguments), Path(arguments.file)
    if find_example(home, arguments.file):
        if arguments.name or overrides:
            raise UsageError(f"The example {arguments.file} has its own name and roles; leave out --name and --map.")
        result = import_example(home, arguments.file)
    else:
        result = import_file(home, path, arguments.name, overrides, arguments.drop_bad_rows)
    document = {
        "dataset": result.dataset,
        "rows": result.rows,
        "format": result.format,
        "mapping": {column: asdict(kept) for column, kept in result.mapping.items()},
        "problems": [asdict(problem) for problem in result.problems],
        "file_format": result.file_format,
        "notes": result.notes,
    }
    terminal.answer(document, describe_import(result))
    return 0


def describe_import(result: "ImportResult") -> str:
    """What was imported, and why each column got its role."""
    lines = [f"Imported {plural(result.rows, 'row')} as the dataset {result.dataset} ({result.format} format)."]
    lines += [f"  {column}: {kept.role} ({kept.reason})" for column, kept in result.mapping.items()]
    if result.problems:
        lines.append(f"Left out {plural(len(result.problems), 'row')}:")
        lines += describe_problems(result.problems)
    return "\n".join([*lines, *result.notes])


def describe_problems(problems: list) -> list[str]:
    """The first problems, one a line."""
    more = [f"  and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
    return [f"  line {problem.line}: {problem.message}" for problem in problems[:SHOWN]] + more


def check_rows(arguments: Namespace, terminal: Terminal) -> int:
    overrides = read_map(arguments.map)
    from studio.data.checks import check_rows as run_checks
    from studio.data.finding import open_rows

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
        ids = ", ".join(map(str, found["rows"][:SHOWN])) + (", ..." if found["count"] > SHOWN else "")
        lines.append(f"  {name.replace('_', ' ')}: {found['count']}" + (f" (row ids {ids})" if ids else ""))
    if source.problems:
        lines += [f"  rows that cannot be read: {len(source.problems)}", *describe_problems(source.problems)]
    terminal.answer(document, "\n".join(lines))
    return 0


def export_rows(arguments: Namespace, terminal: Terminal) -> int:
    from studio.data.export import export_dataset
    from studio.data.store import open_dataset

    dataset, out = open_dataset(choose_home(arguments), arguments.dataset), Path(arguments.out)
    export_dataset(dataset, arguments.format, out)
    document = {"dataset": dataset.id, "rows": dataset.count(), "format": arguments.format, "out": str(out)}
    terminal.answer(document, f"Wrote {plural(document['rows'], 'row')} of {dataset.id} to {out}.")
    return 0


def show_datasets(arguments: Namespace, terminal: Terminal) -> int:
    from studio.data.store import list_datasets

    home: Home = choose_home(arguments)
    found = [asdict(info) for info in list_datasets(home)]
    rows = [["dataset", "rows", "modified", "name"]]
    rows += [[info["id"], f"{info['rows']:,}", info["modified"][:19], info["name"]] for info in found]
    terminal.answer(found, table(rows) if found else f"There are no datasets in {home.path} yet.")
    return 0
