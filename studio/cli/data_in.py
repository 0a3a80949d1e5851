"""`data import`: files, folders, text from a pipe, datasets of the hub and shipped examples to datasets."""

import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.frame import Parser, Terminal, UsageError, add_map_flag, add_verb, choose_home, plural, read_map
from studio.data.files import listed
from studio.home import Home

if TYPE_CHECKING:
    from studio.data.importing import ImportPreview, ImportResult
    from studio.data.reading import ReadOptions
    from studio.data.roles import Roles

FILE_HELP = "a JSON, JSONL, CSV, TSV, Excel, Parquet, Arrow or text file"
SHOWN = 10


def add_import_verb(nested: Any) -> None:
    verb = add_verb(nested, "import", import_rows, "make a dataset of a file, a folder, the hub, or a shipped example")
    what = f"{FILE_HELP}; a folder of such files; - for text from a pipe; or a shipped example, such as complaints"
    verb.add_argument("file", metavar="FILE", help=what)
    verb.add_argument("--name", metavar="N", help="the dataset's name (default: the file's)")
    add_map_flag(verb)
    verb.add_argument(
        "--drop-bad-rows", action="store_true", help="leave out rows that cannot be read, instead of importing nothing"
    )
    add_hub_flags(verb)
    add_reading_flags(verb)
    add_meaning_flags(verb)


def add_hub_flags(verb: Parser) -> None:
    flags = verb.add_argument_group("a dataset of the hub")
    flags.add_argument(
        "--hub", action="store_true", help="FILE is a dataset of the hub, owner/name or owner/name@revision"
    )
    flags.add_argument("--subset", help="default: the first")
    flags.add_argument("--split", help="default: train, else the first")
    flags.add_argument("--limit", type=int, metavar="ROWS", help="read at most so many rows")


def add_reading_flags(verb: Parser) -> None:
    flags = verb.add_argument_group("how the file is read, where what is found out is wrong")
    flags.add_argument("--encoding", help="such as utf-8 or cp1252")
    flags.add_argument("--delimiter", help="what divides the cells of a line: , ; | or tab")
    flags.add_argument("--no-header", action="store_true", help="the first line of a table is a row as well")
    flags.add_argument("--sheet", help="of a workbook; or which list of a JSON object")
    flags.add_argument("--text-as", choices=["lines", "paragraphs", "file"], help="what one row of a plain text is")


def add_meaning_flags(verb: Parser) -> None:
    flags = verb.add_argument_group("what the values mean")
    flags.add_argument(
        "--label", action="append", default=[], metavar="COLUMN:VALUE=NAME", help="what a label is called; repeatable"
    )
    flags.add_argument("--direction", metavar="FROM:INTO", help="of a translation, such as de:en")
    flags.add_argument("--instruction", metavar="TEXT", help="stands before what every row asks")


def import_rows(arguments: Namespace, terminal: Terminal) -> int:
    overrides = read_map(arguments.map)
    from studio.data.importing import import_example, import_preview
    from studio.data.importing.finding import find_example

    home = choose_home(arguments)
    if not arguments.hub and arguments.file != "-" and find_example(home, arguments.file):
        meant = arguments.label or arguments.direction or arguments.instruction is not None
        if arguments.name or overrides or meant:
            raise UsageError(
                f"The example {arguments.file} has its own name and roles; leave out --name, --map, --label, "
                "--direction and --instruction."
            )
        result = import_example(home, arguments.file)
    else:
        preview = read_preview(home, arguments, overrides, terminal)
        roles = read_meaning(preview.roles, arguments)
        check_direction(roles, preview)
        result = import_preview(home, preview, arguments.name, roles)
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


def read_preview(home: Home, arguments: Namespace, overrides: dict, terminal: Terminal) -> "ImportPreview":
    """The rows as they would be imported."""
    from studio.data.importing import HubSource, preview_file, preview_folder, preview_hub, preview_text
    from studio.data.reading import ReadOptions

    drop, options, path = arguments.drop_bad_rows, read_options(arguments), Path(arguments.file)
    if arguments.hub:
        if options != ReadOptions():
            raise UsageError(
                "--encoding, --delimiter, --no-header, --sheet and --text-as are for files, not for --hub."
            )
        name, _, revision = arguments.file.partition("@")
        source = HubSource(name, arguments.subset, arguments.split, arguments.limit, revision or None)
        return preview_hub(home, source, overrides, drop, terminal.prepare)
    if any((arguments.subset, arguments.split, arguments.limit)):
        raise UsageError("--subset, --split and --limit belong to datasets of the hub: add --hub.")
    if arguments.file == "-":
        return preview_text(home, read_pipe(), overrides, drop, options)
    return (preview_folder if path.is_dir() else preview_file)(home, path, overrides, drop, options)


def read_pipe() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise UsageError(
            "The text from the pipe is not in the encoding of this terminal. Save it to a file and import that with "
            "--encoding."
        ) from None


def read_options(arguments: Namespace) -> "ReadOptions":
    from studio.data.reading import ReadOptions

    delimiter = "\t" if arguments.delimiter == "tab" else arguments.delimiter
    return ReadOptions(arguments.encoding, delimiter, not arguments.no_header, arguments.sheet, arguments.text_as)


def read_meaning(roles: "Roles", arguments: Namespace) -> "Roles | None":
    """The roles with what was said of their values; None if nothing was."""
    options: dict[str, Any] = {}
    if arguments.label:
        options["labels"] = read_labels(
            arguments.label, {key: dict(kept) for key, kept in roles.options.labels.items()}
        )
        unknown = [column for column in options["labels"] if column not in roles]
        if unknown:
            raise UsageError(
                f"There is no column {listed(unknown)} for --label. The columns are {listed(list(roles))}."
            )
    if arguments.direction:
        source, _, target = arguments.direction.partition(":")
        if not (source and target):
            raise UsageError(f"--direction takes FROM:INTO, such as de:en, not {arguments.direction!r}.")
        options["direction"] = (source, target)
    if arguments.instruction is not None:
        options["instruction"] = arguments.instruction
    return roles.change(**options) if options else None


def check_direction(roles: "Roles | None", preview: "ImportPreview") -> None:
    """UsageError for a language that the texts to translate are not in: every row would be empty."""
    languages, direction = preview.asked.languages, roles and roles.options.direction
    if languages and direction and not set(direction) <= set(languages):
        raise UsageError(f"--direction takes two of {listed(languages)}, not {':'.join(direction)!r}.")


def read_labels(pairs: list[str], names: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Column -> label -> name, from COLUMN:VALUE=NAME as given, added to those found."""
    for pair in pairs:
        place, equals, name = pair.partition("=")
        column, colon, label = place.rpartition(":")
        if not (column and colon and label and equals and name):
            raise UsageError(f"--label takes COLUMN:VALUE=NAME, such as label:0=negative, not {pair!r}.")
        names.setdefault(column, {})[label] = name
    return names


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
