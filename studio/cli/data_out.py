"""`data export | push | statistics`: datasets out of the studio, and in figures."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.frame import Terminal, UsageError, add_verb, choose_home, plural, table

if TYPE_CHECKING:
    from studio.data.statistics import Statistics
    from studio.data.statistics.lengths import Lengths
    from studio.data.store import Dataset

SHOWN = 5


def add_out_verbs(nested: Any) -> None:
    export = add_verb(nested, "export", export_rows, "write a dataset to a new file")
    export.add_argument("dataset", metavar="DATASET", help="a dataset's id")
    export.add_argument(
        "--format",
        required=True,
        metavar="F",
        help="jsonl, parquet or json keep every value; csv keeps the text; csv-spreadsheet is safe to open in a "
        "spreadsheet; messages, alpaca, sharegpt and prompt-completion are for other programs",
    )
    export.add_argument("--out", required=True, metavar="FILE", help="the file to write; none is overwritten")
    export.add_argument("--card", metavar="FILE", help="also write a data card (Markdown) to this file")
    add_status_flag(export)
    push = add_verb(nested, "push", push_rows, "publish a dataset on the hub, private unless asked otherwise")
    push.add_argument("dataset", metavar="DATASET", help="a dataset's id")
    push.add_argument("repo", metavar="OWNER/NAME", help="where to; the token is taken from HF_TOKEN")
    push.add_argument("--public", action="store_true", help="let everybody see it")
    push.add_argument("--licence", default="", metavar="L", help="such as cc-by-4.0 (default: the source's)")
    statistics = add_verb(nested, "statistics", show_statistics, "a dataset's lengths, labels and openings in figures")
    statistics.add_argument("dataset", metavar="DATASET", help="a dataset's id")
    statistics.add_argument("--model", metavar="M", help="also count tokens, with this model's tokenizer")


def add_status_flag(parser: Any) -> None:
    """--status, which may be repeated."""
    parser.add_argument(
        "--status",
        action="append",
        default=[],
        metavar="S",
        help="only rows with this status (pending, draft, accepted, discarded); may be repeated (default: all rows)",
    )


def ids_with_status(dataset: "Dataset", statuses: list[str]) -> list[int] | None:
    """The ids of the rows with one of the statuses; None, all rows, if none is named."""
    from studio.data.store.marks import STATUSES

    for status in statuses:
        if status not in STATUSES:
            raise UsageError(f"There is no status {status!r}. The statuses are {', '.join(STATUSES)}.")
    return [row.id for row in dataset.rows() if row.marks.status in statuses] if statuses else None


def export_rows(arguments: Namespace, terminal: Terminal) -> int:
    from studio.data.export import export_dataset
    from studio.data.store import open_dataset

    home = choose_home(arguments)
    dataset, out = open_dataset(home, arguments.dataset), Path(arguments.out)
    ids = ids_with_status(dataset, arguments.status)
    exported = export_dataset(dataset, arguments.format, out, ids)
    document = {"dataset": dataset.id, "rows": exported.rows, "format": arguments.format, "out": str(out)}
    document |= {"left_out": exported.left_out, "notes": exported.notes}
    if arguments.card:
        from studio.data.export.package import describe_dataset, write_new

        write_new(Path(arguments.card), describe_dataset(home, dataset, ids))
        document["card"] = arguments.card
    lines = [f"Wrote {plural(exported.rows, 'row')} of {dataset.id} to {out}."]
    lines += [f"Left out {plural(len(rows), 'row')}: {reason}." for reason, rows in exported.left_out.items()]
    terminal.answer(document, "\n".join([*lines, *exported.notes]))
    return 0


def push_rows(arguments: Namespace, terminal: Terminal) -> int:
    from studio.data.export.push import push_to_hub
    from studio.data.store import open_dataset

    home = choose_home(arguments)
    dataset = open_dataset(home, arguments.dataset)
    pushed = push_to_hub(
        home, dataset, arguments.repo, not arguments.public, licence=arguments.licence, progress=terminal.prepare
    )
    rows = ", ".join(f"{count:,} {split}" for split, count in pushed.counts.items())
    lines = [f"{dataset.id} is at {pushed.url} ({'private' if pushed.private else 'public'}): {rows}."]
    lines += [f"Left out {plural(count, 'row')}: {status}." for status, count in pushed.left_out.items()]
    terminal.answer(asdict(pushed), "\n".join(lines))
    return 0


def show_statistics(arguments: Namespace, terminal: Terminal) -> int:
    from studio.data.statistics import describe
    from studio.data.store import open_dataset

    home = choose_home(arguments)
    dataset, folder = open_dataset(home, arguments.dataset), None
    if arguments.model:
        from studio.models.sources import resolve_files

        folder = resolve_files(home, arguments.model, weights=False, progress=terminal.prepare).folder
    figures = describe(home, dataset, folder)
    terminal.answer(asdict(figures), describe_statistics(dataset.id, figures))
    return 0


def describe_statistics(name: str, figures: "Statistics") -> str:
    """The figures as text."""
    sides = [("prompt, characters", figures.prompt), ("answer, characters", figures.answer)]
    if figures.prompt_tokens and figures.answer_tokens:
        sides += [("prompt, tokens", figures.prompt_tokens), ("answer, tokens", figures.answer_tokens)]
    header = ["", "median", "95 % at most", "longest", "all"]
    lines = [f"{name}: {plural(figures.rows, 'row')}", table([header, *(measures(*side) for side in sides)])]
    groups = {"labels": figures.labels, "status": figures.statuses}
    for side in ("prompt", "answer"):
        groups[f"languages of the {side}s"] = figures.languages.get(side, [])
        groups[f"openings of the {side}s"] = figures.openings[side]
    for title, counts in {**groups, **figures.shares}.items():
        if counts:
            shown = ", ".join(f"{value or '(empty)'} {count:,}" for value, count in counts[:SHOWN])
            lines.append(f"{title}: {shown}{', ...' * (len(counts) > SHOWN)}")
    return "\n".join(lines)


def measures(side: str, lengths: "Lengths") -> list[str]:
    return [side, *(f"{number:,}" for number in (lengths.median, lengths.long, lengths.longest, lengths.total))]
