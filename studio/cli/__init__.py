"""The command line: a verb reads its arguments, calls the core once and prints what that gave.

Each file beside this one adds its verbs; what a verb needs from the core is imported when it runs, so that
`--help` and `settings` answer at once.
"""

from studio.cli import compare, data, preview, runs, settings, train
from studio.cli.frame import INTERRUPTED, Parser, Terminal, UsageError, complain, global_flags, hint
from studio.errors import StudioError


def main(argv: list[str]) -> int:
    """Run one command: 0, 1 when it cannot be done, 2 when it was not understood; an error is one line on stderr."""
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.verb(arguments, Terminal(json=getattr(arguments, "json", False)))
    except UsageError as error:
        complain(str(error))
        return 2
    except StudioError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        complain(f"{place}{error.strerror or error}. Check the path, its permissions and the space on the disk.")
        return 1


def build_parser() -> Parser:
    """Every verb there is."""
    parser = Parser(
        prog="python -m studio",
        description="Fine-tune a language model on your own examples, and see what it learned.",
        epilog=f"Each verb explains itself: {hint('python -m studio VERB')}.",
        parents=[global_flags()],
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for group in (data, preview, train, runs, compare, settings):
        group.add_verbs(verbs)
    return parser
