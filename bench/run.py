"""All measurements, one table after the other: `python -m bench.run` (`make bench`)."""

import argparse
from collections.abc import Iterator

from bench import data, preview, startup, train
from bench.report import Table, build_parser, run_bench


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """The tables of every subject, with its own defaults."""
    for subject in (startup, preview, data, train):
        own = subject.add_options(build_parser("")).parse_args([])
        yield from subject.measure(argparse.Namespace(**{**vars(own), **vars(options)}))


if __name__ == "__main__":
    run_bench(measure, build_parser(__doc__))
