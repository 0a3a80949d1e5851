"""Server time of a preview after a keystroke, for rows of 100, 500 and 4000 tokens: `python -m bench.preview`.

Each call is the one that the screen makes (components/token_view.py): the row is read from its dataset, rendered in the
warm child, tokenised and drawn as HTML. Each has one character more than the one before, so nothing can be reused.
"""

import argparse
import time
from collections.abc import Iterator

from bench.report import (
    Table,
    build_parser,
    load_data,
    median,
    percentile,
    prepare_model,
    run_bench,
    scratch_home,
    verdict,
)
from components.shared import Services
from components.token_view import render_preview
from studio.data.roles.conversations import to_example
from studio.data.store import create_dataset, open_dataset
from studio.inference.client import InferenceHost
from studio.models.shelf import ModelShelf
from studio.recipes import load_recipe
from studio.templates.encoding import encode
from studio.templates.example import from_fields
from studio.templates.library import find_template
from studio.templates.rendering import Renderer

TARGET_SECONDS = 0.1
ROLES = {"instruction": "instruction", "input": "input", "output": "output"}
SIZES = (100, 500, 4000)


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """One table: median and 95th percentile for each size of row."""
    with scratch_home(options.home) as home, Renderer() as renderer:
        prepare_model(home)
        services = Services(home, renderer, ModelShelf(home), InferenceHost(home))
        rows = build_rows(services, load_data(home, options.data))
        dataset = create_dataset(home, "bench", list(ROLES), [row for _, row in rows], ROLES, {})
        lines = []
        for number, (tokens, row) in enumerate(rows, 1):
            seconds = time_keystrokes(services, dataset, number, row, options.keystrokes)
            slow = percentile(seconds, 0.95)
            figures = [f"{median(seconds) * 1000:.1f} ms", f"{slow * 1000:.1f} ms", verdict(slow <= TARGET_SECONDS)]
            lines.append([f"{tokens:,}", *figures])
    columns = ["tokens in the row", "median", "95th percentile", f"at most {TARGET_SECONDS * 1000:.0f} ms"]
    yield Table("Preview after a keystroke", columns, lines, [f"{options.keystrokes} keystrokes each; server time."])


def build_rows(services: Services, dataset_id: str) -> list[tuple[int, dict[str, str]]]:
    """(tokens, row) for each size: inputs of the dataset joined until the row is that long, the answer kept short."""
    recipe, _ = load_recipe("first-run")
    model = services.shelf.wait(recipe.model.name)
    template = find_template(recipe.template, model.tokenizer)
    dataset = open_dataset(services.home, dataset_id)
    examples = [to_example(row.values, dataset.mapping) for row in dataset.rows()]
    words = " ".join(f"{example.input or example.instruction}" for example in examples).split()

    def length(count: int) -> tuple[int, dict[str, str]]:
        row = {"instruction": "Answer.", "input": " ".join(repeat(words, count)), "output": examples[0].output[:80]}
        encoded = encode(from_fields(**row), template, model.tokenizer, services.renderer)
        return len(encoded.ids), row

    found = []
    for size in SIZES:
        low, high = 0, size  # a word is at least one token
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if length(middle)[0] < size else (low, middle)
        found.append(length(low))
    return found


def repeat(words: list[str], count: int) -> list[str]:
    """`count` words, from the beginning again where there are too few."""
    return (words * (count // len(words) + 1))[:count]


def time_keystrokes(services: Services, dataset: str, row_id: int, row: dict[str, str], count: int) -> list[float]:
    """Seconds of each preview while `count` characters are typed at the end of the row's input."""
    recipe = load_recipe("first-run")[0].model_dump()
    recipe["train"]["max_length"] = 2 * max(SIZES)
    render_preview(services, recipe, dataset, row_id, row)  # the first call starts the child
    seconds = []
    for number in range(1, count + 1):
        typed = {**row, "input": row["input"] + " typed" * (number // 6) + " typed"[: number % 6]}
        began = time.perf_counter()
        html = render_preview(services, recipe, dataset, row_id, typed)
        seconds.append(time.perf_counter() - began)
        if 'class="token trained"' not in html:
            raise RuntimeError(f"no preview was drawn: {html[:300]}")
    return seconds


def add_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--keystrokes", type=int, default=100, help="previews for each size of row")
    return parser


if __name__ == "__main__":
    run_bench(measure, add_options(build_parser(__doc__)))
