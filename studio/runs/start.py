"""Start a run: check everything, pin the data, write the folder, launch the worker."""

import hashlib
import json
import math
import shutil
import sys
from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import count

from studio.data.splits import SPLITS
from studio.data.store import Dataset, open_dataset
from studio.data.store.versions import Version, list_versions, save_version
from studio.errors import DataError, RunError, SettingsError
from studio.home import Home, check_id
from studio.models.catalogue import find_model
from studio.models.children import Progress
from studio.models.sources import (
    ModelFiles,
    check_targets,
    describe_model,
    linear_module_names,
    resolve_files,
)
from studio.recipes import to_yaml
from studio.runs.files import write_yaml
from studio.runs.folder import Run, is_active, list_runs
from studio.runs.snapshot import Snapshot, take_snapshot
from studio.settings import Recipe, change
from studio.system import lock, start_detached, try_lock
from studio.templates.encoding import Template, encode_many
from studio.templates.example import to_record
from studio.templates.library import find_template
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import Tokenizer, load_tokenizer

MEASURED_ROWS = 5000


@dataclass(frozen=True)
class Plan:
    """A run that could start: what will be trained, in figures."""

    snapshot: Snapshot
    template: Template
    files: ModelFiles
    trained_tokens: int
    tokens: int
    cut_rows: int
    units: int
    """Rows that teach something, or the packs they fit into"""
    steps: int


def plan_run(home: Home, recipe: Recipe, dataset_id: str, renderer: Renderer, progress: Progress | None = None) -> Plan:
    """Everything that can be known before the start; StudioError if the run would fail or teach nothing."""
    dataset = open_dataset(home, dataset_id)
    check_method(recipe)
    files = resolve_files(home, recipe.model.name, revision=recipe.model.revision, weights=False, progress=progress)
    tokenizer = load_tokenizer(files.folder)
    check_length(recipe, files)
    check_lora_targets(recipe, files)
    template = find_template(recipe.template, tokenizer)
    snapshot = take_snapshot(home, dataset, recipe)
    return measure_plan(recipe, snapshot, template, tokenizer, renderer, files)


def pin_version(dataset: Dataset, run: str, seq: int) -> Version:
    """Name the state that the run learns after it, so that it can be compared and brought back.

    The dataset may have been edited since that was read.
    """
    taken = {version.name for version in list_versions(dataset)}
    names = (f"run {run}" if number == 1 else f"run {run} ({number})" for number in count(1))
    return save_version(dataset, next(name for name in names if name not in taken), "As this run learned it.", seq)


def check_method(recipe: Recipe) -> None:
    """Combinations of settings that cannot work together."""
    entry = find_model(recipe.model.name)
    if entry and recipe.task.kind not in entry.tasks:
        raise SettingsError(
            f"{recipe.model.name} is made for {', '.join(entry.tasks)}, not for {recipe.task.kind}. "
            "Choose a model that generates text, such as HuggingFaceTB/SmolLM2-135M-Instruct."
        )


def check_length(recipe: Recipe, files: ModelFiles) -> None:
    """SettingsError when rows could be longer than what the model reads."""
    context = describe_model(files).context
    if context and context < recipe.train.max_length:
        raise SettingsError(
            f"train.max_length is {recipe.train.max_length}, but {files.name} reads at most {context} tokens. "
            "Lower train.max_length."
        )


def check_lora_targets(recipe: Recipe, files: ModelFiles) -> None:
    """SettingsError when modules are named that the model does not have."""
    names = read_targets(recipe, files.name)
    available = linear_module_names(files.folder)
    if isinstance(names, list) and available:
        check_targets(names, available, files.name)


def read_targets(recipe: Recipe, model: str) -> str | list[str]:
    """The adapter's targets as PEFT takes them: "all-linear", or names of modules."""
    setting = recipe.lora.targets.strip()
    if setting == "auto":
        entry = find_model(model)
        return list(entry.lora_targets) if entry else "all-linear"
    return setting if setting == "all-linear" else [name.strip() for name in setting.split(",") if name.strip()]


def measure_plan(
    recipe: Recipe, snapshot: Snapshot, template: Template, tokenizer: Tokenizer, renderer: Renderer, files: ModelFiles
) -> Plan:
    """Encode training rows, to count; refuses a run that would teach nothing.

    Of more than MEASURED_ROWS rows so many are measured (their order is shuffled) and the counts scaled up; the
    worker counts them all.
    """
    trained = cut = 0
    lengths = []
    length = recipe.train.max_length
    rows = snapshot.splits["train"]
    examples = [example for _, example in rows[:MEASURED_ROWS]]
    scale = len(rows) / len(examples)
    options = {"max_length": length, "train_on": recipe.template.train_on}
    for encoded in encode_many(examples, template, tokenizer, renderer, **options):
        teaches = encoded.count("trained")
        trained += teaches
        cut += len(encoded.ids) > length
        lengths += [min(len(encoded.ids), length)] * (teaches > 0)
    if not trained:
        raise DataError(
            f"No token of the {len(examples)} training rows would be trained: every answer is cut off by "
            f"train.max_length = {length}. Raise train.max_length, or shorten the prompts."
        )
    units = round(scale * (count_packs(lengths, length) if recipe.train.packing else len(lengths)))
    return Plan(
        snapshot=snapshot,
        template=template,
        files=files,
        trained_tokens=round(scale * trained),
        tokens=round(scale * sum(lengths)),
        cut_rows=round(scale * cut),
        units=units,
        steps=count_steps(recipe, units),
    )


def count_packs(lengths: list[int], size: int) -> int:
    """Sequences of `size` tokens that best-fit-decreasing packing needs (as TRL's "bfd" strategy)."""
    packs, rooms = 0, []  # rooms: what is still free in each pack, ascending
    for length in sorted(lengths, reverse=True):
        place = bisect_left(rooms, length)
        if place < len(rooms):
            room = rooms.pop(place)
        else:
            room, packs = size, packs + 1
        insort(rooms, room - length)
    return packs


def count_steps(recipe: Recipe, units: int) -> int:
    """Optimizer steps: rows (or packs) x epochs / (batch x accumulation)."""
    train = recipe.train
    if train.max_steps:
        return train.max_steps
    batches = -(-units // train.batch_size)
    return math.ceil(-(-batches // train.accumulation) * train.epochs)


def start_run(
    home: Home,
    recipe: Recipe,
    dataset_id: str,
    name: str,
    renderer: Renderer,
    progress: Progress | None = None,
) -> Run:
    """Make the run's folder and start its worker; RunError if the name is taken or another run is training."""
    check_id(name)
    with lock(home.path / "start.lock"):
        check_free(home, name)
        dataset = open_dataset(home, dataset_id)
        plan = plan_run(home, recipe, dataset_id, renderer, progress)
        # The worker has another working folder, where a relative path would lead elsewhere.
        recipe = change(recipe, {"model.name": plan.files.name})
        run = write_folder(home, recipe, dataset, name, plan)
        launch_worker(run)
    return run


def check_free(home: Home, name: str) -> None:
    """One run at a time, and no name twice."""
    if home.run(name).exists():
        raise RunError(f"A run named {name} exists already. Choose another name; runs are never overwritten.")
    for run in list_runs(home):
        if is_active(run):
            raise RunError(
                f"{run.name} is training now, and two runs would share the machine's memory. "
                "Wait until it is done, or stop it first."
            )


def write_folder(home: Home, recipe: Recipe, dataset: Dataset, name: str, plan: Plan) -> Run:
    """The run's folder, written aside and renamed, so that it is there whole or not at all."""
    pinned = pin_version(dataset, name, plan.snapshot.version)
    aside = home.runs / f".{name}.new"
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "data").mkdir(parents=True)
    draft = Run(aside)
    counts, digest = {}, hashlib.sha256()
    for split in SPLITS:
        rows = plan.snapshot.splits[split]
        lines = "".join(json.dumps({"id": id, **to_record(example)}, ensure_ascii=False) + "\n" for id, example in rows)
        draft.split(split).write_text(lines, encoding="utf-8")
        digest.update(lines.encode())
        counts[split] = len(rows)
    # Apart from resolved.yaml, which is read often: these can be as many as the dataset has rows.
    (aside / "data" / "left_out.json").write_text(json.dumps(plan.snapshot.left_out), encoding="utf-8")
    resolved = {
        "dataset": {
            "id": dataset.id,
            "name": dataset.info().name,
            "version": plan.snapshot.version,
            "pinned": {"name": pinned.name, "version": pinned.seq, "content_hash": pinned.content_hash},
            "sha256": digest.hexdigest(),
            "rows": counts,
            "left_out": {reason: len(ids) for reason, ids in plan.snapshot.left_out.items()},
            "notes": plan.snapshot.notes,
        },
        "plan": {"steps": plan.steps, "trained_tokens": plan.trained_tokens, "cut_rows": plan.cut_rows},
    }
    (aside / "recipe.yaml").write_text(to_yaml(recipe, dataset.id), encoding="utf-8")
    write_yaml(aside / "resolved.yaml", resolved)
    aside.rename(home.run(name))
    return Run(home.run(name))


def launch_worker(run: Run) -> int:
    """Start the worker with the run's lock already held on its behalf; returns its pid."""
    held = try_lock(run.lock)
    if held is None:
        raise RunError(f"A worker is at work on {run.name} already.")
    with held:
        return start_detached(
            [sys.executable, "-m", "studio.training.worker", str(run.path), "--locked"], run.log, held
        )


def request_stop(run: Run) -> None:
    """Ask the worker to save and stop; asking twice is the same. RunError if it is not running."""
    if not is_active(run):
        raise RunError(f"{run.name} is not running, so there is nothing to stop.")
    run.stop_file.touch()
