"""Training speed against a plain TRL script on the same rows and model: `python -m bench.train`.

Ours is the real worker with the first-run recipe's settings. The peer (bench/plain_trl.py): float32, batch 4, at most
512 tokens, no activation checkpointing, the same LoRA and dropout. They take turns, each in a process of its own.
Counted are real tokens, without padding; the first steps, in which every new shape costs extra, are left out on
both sides.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.report import Table, build_parser, load_data, median, prepare_model, run_bench, scratch_home, verdict
from studio.errors import RunError
from studio.events import read_events
from studio.recipes import load_recipe
from studio.runs.folder import Run, is_active, read_status
from studio.runs.start import request_stop, start_run
from studio.settings import Recipe, change
from studio.templates.rendering import Renderer

TARGET = 2.0
LEFT_OUT = 2


@dataclass(frozen=True)
class Training:
    """Figures of one training. `losses`: one a step."""

    tokens_per_s: float
    losses: list[float]
    peak_memory: int


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """Both sides by turns, and their ratio."""
    ours, peers = [], []
    with scratch_home(options.home) as home, Renderer() as renderer:
        dataset = load_data(home, options.data)
        recipe = bench_recipe(options.steps)
        files = prepare_model(home)
        for turn in range(options.rounds):
            run = start_run(home, recipe, dataset, f"bench-{turn}", renderer)
            ours.append(finish_run(run))
            peers.append(run_peer(run, recipe, files.folder, options.steps))
            print(f"round {turn + 1} of {options.rounds} done", file=sys.stderr, flush=True)
    ratio = median([one.tokens_per_s for one in ours]) / median([one.tokens_per_s for one in peers])
    lines = [describe("SFT Studio, first-run recipe", ours), describe("plain TRL script", peers)]
    lines.append([f"ratio (at least {TARGET:g}: {verdict(ratio >= TARGET)})", f"{ratio:.1f} x", "", "", ""])
    notes = [
        f"{options.steps} steps each, {options.rounds} rounds by turns; the first {LEFT_OUT} steps of each are left "
        f"out. Data: {options.data.name if options.data else 'shipped complaints'}. A step is a pack of "
        f"{recipe.train.max_length} tokens here and 4 rows there, so losses after the same number of steps differ."
    ]
    columns = ["", "real tokens/s (median)", "each round", "loss, first -> last 3 steps", "peak memory"]
    yield Table("Training speed", columns, lines, notes)


def bench_recipe(steps: int) -> Recipe:
    """The first-run recipe for a few steps, without the measurements around them."""
    return change(
        load_recipe("first-run")[0],
        {
            "train.max_steps": steps,
            "train.log_every": 1,
            "data.eval_fraction": 0.0,
            "data.test_fraction": 0.0,
            "evaluate.test_rows": 0,
        },
    )


def finish_run(run: Run) -> Training:
    """Wait for the worker and read its events; RunError if it did not finish. A bench that is broken off stops it."""
    try:
        while is_active(run):
            time.sleep(0.5)
    finally:
        if is_active(run):
            request_stop(run)
    events, _ = read_events(run.events)
    if read_status(run) != "finished":
        raise RunError(f"The run ended as {read_status(run)}: {events[-1].get('reason', run.log.read_text()[-2000:])}")
    return sum_up([event for event in events if event["kind"] == "log"], run.report()["peak_memory"])


def run_peer(run: Run, recipe: Recipe, model: Path, steps: int) -> Training:
    """The plain script on the same training rows."""
    folder = run.path / "peer"
    folder.mkdir()
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for line in run.split("train").read_text(encoding="utf-8").splitlines():
            turns = json.loads(line)["turns"]
            file.write(json.dumps({"prompt": turns[:-1], "completion": turns[-1:]}) + "\n")
    job = {
        "model": str(model),
        "rows": str(folder / "rows.jsonl"),
        "output": str(folder),
        "report": str(folder / "report.json"),
        "steps": steps,
        "rank": recipe.lora.rank,
        "alpha": recipe.lora.alpha,
        "dropout": recipe.lora.dropout,
        "learning_rate": recipe.train.learning_rate,
        "seed": recipe.train.seed,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    script = Path(__file__).with_name("plain_trl.py")
    done = subprocess.run([sys.executable, str(script), str(folder / "job.json")], capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"The plain TRL script ended with an error: {done.stderr[-2000:]}")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return sum_up(report["steps"], report["peak_memory"])


def sum_up(steps: list[dict], peak_memory: int) -> Training:
    """Speed after the first steps; `steps` hold tokens and seconds since the start, and the loss."""
    first, last = steps[LEFT_OUT - 1], steps[-1]
    speed = (last["tokens"] - first["tokens"]) / (last["seconds"] - first["seconds"])
    return Training(speed, [step["loss"] for step in steps], peak_memory)


def describe(name: str, trainings: list[Training]) -> list[str]:
    """One line of the table."""
    losses = trainings[-1].losses
    return [
        name,
        f"{median([one.tokens_per_s for one in trainings]):,.0f}",
        ", ".join(f"{one.tokens_per_s:,.0f}" for one in trainings),
        f"{sum(losses[:3]) / len(losses[:3]):.2f} -> {sum(losses[-3:]) / len(losses[-3:]):.2f}",
        f"{max(one.peak_memory for one in trainings) / 2**20:,.0f} MB",
    ]


def add_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--steps", type=int, default=12, help=f"optimizer steps each, more than {LEFT_OUT}")
    parser.add_argument("--rounds", type=int, default=2, help="how often each side has its turn")
    return parser


if __name__ == "__main__":
    run_bench(measure, add_options(build_parser(__doc__)))
