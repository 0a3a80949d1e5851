"""The data card: a README.md with a YAML head that says what a dataset is, what is in it and how it came about."""

import html
import re
from collections.abc import Iterable, Mapping

import yaml

from studio.data.export.parquet import Shape
from studio.data.statistics import Counts, Statistics, measure
from studio.data.statistics.lengths import Lengths
from studio.data.store.dataset import Dataset
from studio.home import Home

LICENCES = {
    *("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0"),
    *("cc-by-nc-sa-4.0", "cc-by-nd-4.0", "odc-by", "odbl", "gpl-3.0", "unlicense"),
}
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST_SIZE = "1M<n<10M"
LANGUAGE = re.compile(r"[a-z]{2,3}")
MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~])")
SHOWN = 10
LONGEST = 80


def write_card(
    home: Home,
    dataset: Dataset,
    row_ids: Iterable[int] | None,
    columns: Mapping[str, str],
    files: Mapping[str, str],
    counts: Mapping[str, int],
    licence: str = "",
) -> str:
    """The card of these rows (None: all), as text.

    `columns`: name -> what its cells hold. `files`: split -> path, for readers of the hub; `counts`: split -> rows.
    `licence`: as the user states it, else as the dataset's source does.
    """
    figures = measure(home, dataset, row_ids=None if row_ids is None else frozenset(row_ids))
    licence = licence or str(dataset.source.get("licence") or "")
    parts = [
        f"# {safe(dataset.name)}",
        f"{figures.rows:,} examples for supervised fine-tuning.",
        "## Columns\n\n" + table(["column", "role", "cells"], list_columns(dataset, columns)),
    ]
    if counts:
        parts.append(
            "## Splits\n\n" + table(["split", "rows"], [[name, f"{count:,}"] for name, count in counts.items()])
        )
    parts += [
        f"## Figures\n\n{describe_figures(figures)}",
        f"## How it was made\n\n{describe_making(dataset, figures)}",
    ]
    checked = describe_checks(home, dataset)
    parts += [f"## Checks\n\n{checked}"] if checked else []
    parts.append(f"## Licence\n\n{safe(licence) if licence else 'Not stated. Ask whoever published it.'}")
    return f"---\n{describe_head(dataset, figures, files, licence)}---\n\n" + "\n\n".join(parts) + "\n"


def describe_head(dataset: Dataset, figures: Statistics, files: Mapping[str, str], licence: str) -> str:
    """YAML as the hub reads it."""
    known = licence.lower() in LICENCES
    head: dict[str, object] = {"license": licence.lower() if known else "other" if licence else "unknown"}
    if licence and not known:
        head["license_name"] = re.sub("[^a-z0-9.]+", "-", licence.lower()).strip("-") or "other"
    languages = [name for name, _ in figures.languages.get("answer", []) if LANGUAGE.fullmatch(name)]
    if languages:
        head["language"] = languages[:SHOWN]
    head |= {
        "pretty_name": plain(dataset.name),
        "size_categories": [next((name for limit, name in SIZES if figures.rows < limit), LARGEST_SIZE)],
        "task_categories": ["text-generation"],
        "tags": ["supervised-fine-tuning"],
    }
    if files:
        data_files = [{"split": split, "path": path} for split, path in files.items()]
        head["configs"] = [{"config_name": "default", "data_files": data_files}]
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10_000)


def list_columns(dataset: Dataset, columns: Mapping[str, str]) -> list[list[str]]:
    """Name, role and content of each column."""
    return [[safe(name), dataset.mapping.get(name, "ignore"), safe(cells)] for name, cells in columns.items()]


def describe_columns(shapes: Mapping[str, Shape], mixed: str = "values of several types") -> dict[str, str]:
    """What the cells of each column hold, in words."""
    words = {"str": "text", "int": "whole numbers", "float": "numbers", "bool": "true or false", "null": "nothing"}
    words |= {"list": "lists", "dict": "objects", "mixed": mixed}
    return {name: words[shape[0]] for name, shape in shapes.items()}


def describe_figures(figures: Statistics) -> str:
    """Lengths, labels, languages, openings and shares."""
    sides = [("prompt", figures.prompt), ("answer", figures.answer)]
    lines = [table(["characters", "median", "95 % at most", "longest", "all"], [measures(*side) for side in sides])]
    if figures.labels:
        lines.append(f"Answers: {listing(figures.labels)}.")
    lines += [f"Languages of the {side}s: {listing(counts)}." for side, counts in figures.languages.items() if counts]
    for side, counts in figures.openings.items():
        if counts:
            lines.append(f"Most repeated openings of the {side}s: {listing(counts)}.")
    lines += [f"{safe(column)}: {listing(counts)}." for column, counts in figures.shares.items()]
    return "\n\n".join(lines)


def measures(side: str, lengths: Lengths) -> list[str]:
    return [side, *(f"{number:,}" for number in (lengths.median, lengths.long, lengths.longest, lengths.total))]


def describe_making(dataset: Dataset, figures: Statistics) -> str:
    """Source, edits and review."""
    with dataset.connect() as db:
        changes = db.execute("SELECT count(*) FROM changes WHERE state = 'done'").fetchone()[0]
    edited = f"{changes:,} change{'s were' if changes != 1 else ' was'} made to it afterwards in SFT Studio."
    review = f"Review: {listing(figures.statuses)}" + (f"; {figures.golden:,} golden" if figures.golden else "") + "."
    return "\n\n".join(
        [
            describe_origin(dataset.source),
            edited,
            review,
            f"SHA-256 of the whole dataset's content: `{dataset.content_hash()}`.",
        ]
    )


def describe_origin(source: Mapping[str, object]) -> str:
    """Where the rows came from."""
    if source.get("example"):
        return f"It began as the example {safe(str(source['example']))} of SFT Studio."
    if source.get("hub"):
        parts = [f"{key} {safe(str(source[key]))}" for key in ("revision", "subset", "split") if source.get(key)]
        detail = f" ({', '.join(parts)})" if parts else ""
        return f"It was read from {safe(str(source['hub']))} on the Hugging Face hub{detail}."
    if source.get("file"):
        return f"It was read from the file {safe(str(source['file']))}."
    return "Its rows were written or pasted into SFT Studio."


def describe_checks(home: Home, dataset: Dataset) -> str:
    """What the last run of the checks found in the whole dataset; empty if there was none."""
    from studio.data.checks.results import read_summary

    summary = read_summary(home, dataset)
    if summary.state == "none":
        return ""
    found = [(check.title, check.count) for check in summary.checks if check.count]
    changed = f" Rows added or changed since then: {summary.stale_rows:,}." if summary.stale_rows else ""
    return f"Rows of the whole dataset that the checks point at: {listing(found) if found else 'none'}.{changed}"


def listing(counts: Counts) -> str:
    """ "de 120, en 30 and 4 more" """
    rest = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    return ", ".join(f"{safe(name) or '(empty)'} {count:,}" for name, count in counts[:SHOWN]) + rest


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table of cells that are safe already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """A text on one line, cut to what one reads."""
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def safe(text: str) -> str:
    """A text that says in Markdown what it says here: no markup, no HTML, no cell of a table."""
    return MARKS.sub(r"\\\1", html.escape(plain(text), quote=False))
