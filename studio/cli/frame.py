"""What all verbs share: how arguments are read, and how answers and errors are printed."""

import argparse
import json
import sys
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
UNKNOWN = "unrecognized arguments: "


class UsageError(Exception):
    """A command that was not understood; the text is one sentence."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of printing the whole usage; flags are not abbreviated."""

    def __init__(self, **options: Any):
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        if message.startswith(UNKNOWN):
            raise UsageError(describe_unknown(message.removeprefix(UNKNOWN).split()[0]))
        raise UsageError(f"{message[0].upper()}{message[1:]}; see {hint(self.prog)}.")


def hint(prog: str) -> str:
    """Where to read on."""
    return f"`{prog} --help`"


def describe_unknown(word: str) -> str:
    """A flag or word that no verb takes."""
    flag = word.partition("=")[0]
    if flag.startswith("--") and "." in flag:
        from studio.settings import list_settings

        path = flag.removeprefix("--")
        near = get_close_matches(path, [setting.path for setting in list_settings()], 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        return f"There is no setting {path}{meant}; `python -m studio settings` lists them all."
    what = f"no flag {flag}" if flag.startswith("-") else f"no place for {word!r}"
    return f"There is {what} here; see {hint('python -m studio VERB')}."


def global_flags() -> argparse.ArgumentParser:
    """--home and --json, which may stand before the verb or after it."""
    flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    # SUPPRESS: a verb's parser must not overwrite with its default what stood before the verb.
    flags.add_argument(
        "--home",
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="folder that holds datasets, runs and models (default: STUDIO_HOME, else ~/sft-studio)",
    )
    flags.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document and nothing else"
    )
    return flags


def add_verb(verbs: Any, name: str, run: Any, summary: str) -> Parser:
    """A verb's parser; `run(arguments, terminal)` returns the exit code."""
    parser = verbs.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", parents=[global_flags()]
    )
    parser.set_defaults(verb=run)
    return parser


def add_map_flag(parser: Parser) -> None:
    """--map, for verbs that read files."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="ROLE=COLUMN",
        help="which column plays which role (instruction, input, output, system, messages, choices, label, tokens, "
        "tags, translation, split, ignore); may be repeated",
    )


def read_map(pairs: list[str]) -> dict[str, list[str]]:
    """Role -> columns, from ROLE=COLUMN as given."""
    overrides: dict[str, list[str]] = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        if not (role and equals and column):
            raise UsageError(f"--map takes ROLE=COLUMN, such as output=answer, not {pair!r}.")
        overrides.setdefault(role, []).append(column)
    return overrides


def choose_home(arguments: argparse.Namespace):
    """The Home that was asked for."""
    from studio.home import open_home

    return open_home(getattr(arguments, "home", None))


@dataclass(frozen=True)
class Terminal:
    """Where a verb's words go: the answer to stdout, as text or as JSON, and all else to stderr."""

    json: bool

    def answer(self, document: Any, text: str) -> None:
        """Print the verb's result, once."""
        print(json.dumps(document, ensure_ascii=False, indent=1) if self.json else printable(text), flush=True)

    def show(self, text: str) -> None:
        """Print a part of an answer while it comes; nothing with --json, where `answer` follows."""
        if not self.json:
            print(printable(text), end="", flush=True)

    def say(self, line: str) -> None:
        """A line about work that goes on."""
        print(printable(line), file=sys.stderr, flush=True)

    def prepare(self, message: str, fraction: float | None = None) -> None:
        """Progress before the work itself (finding and fetching a model): for someone who watches, not for scripts."""
        if sys.stderr.isatty() and not self.json:
            self.say(message if fraction is None else f"{message} ({fraction:.0%})")


def complain(sentence: str) -> None:
    """An error, as one line on stderr."""
    print(printable(" ".join(sentence.split())), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control characters other than line ends and tabs are written out."""
    return "".join(char if char in "\n\t" or unicodedata.category(char) != "Cc" else ascii(char)[1:-1] for char in text)


def table(rows: list[list[str]]) -> str:
    """Rows as columns of text, the first row being the header."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def plural(count: int, noun: str) -> str:
    """ "1 row", "2 rows" """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
