"""HTML of a run: the card before it starts, its progress, its report, its log."""

import time
from html import escape

from studio.models.sources import weights_size
from studio.runs.folder import Run
from studio.runs.history import History, tail_of
from studio.runs.snapshot import list_left_out
from studio.runs.start import Plan
from studio.settings import Recipe

STATUS = {
    "preparing": "Preparing",
    "training": "Training",
    "stopping": "Stopping: saving what was learned",
    "finished": "Finished",
    "stopped": "Stopped and saved",
    "failed": "Failed",
    "diverged": "Diverged",
    "interrupted": "Interrupted: its process is gone",
}


def describe_plan(recipe: Recipe, dataset_id: str, plan: Plan) -> str:
    """What Start would do, in figures."""
    train, rows = recipe.train, {name: len(part) for name, part in plan.snapshot.splits.items()}
    unit = "packs" if train.packing else "rows"
    batch = train.batch_size * train.accumulation
    sum_ = "train.max_steps" if train.max_steps else f"{plan.units} {unit} x {train.epochs:g} epochs / {batch}"
    out = sum(map(len, plan.snapshot.left_out.values()))
    left_out = f"; {out} left out" if out else ""
    quantization = "" if recipe.quantization.kind == "none" else f", {recipe.quantization.kind.upper()}"
    cells = [
        ("Model", f"{recipe.model.name.rpartition('/')[2]} · LoRA rank {recipe.lora.rank}{quantization}"),
        ("Dataset", f"{dataset_id}: {rows['train']} train, {rows['eval']} eval, {rows['test']} test rows{left_out}"),
        ("Teaches", f"{plan.trained_tokens:,} of {plan.tokens:,} tokens per epoch"),
        ("Steps", f"{plan.steps} = {sum_}"),
        ("Learning rate", f"{train.learning_rate:g}, {train.scheduler}"),
        ("Weights", describe_weights(plan)),
    ]
    notes = "".join(f'<div class="muted">{escape(text)}</div>' for text in plan.snapshot.notes)
    grid = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in cells)
    cautions = "".join(f'<div class="caution">{escape(text)}</div>' for text in list_cautions(plan))
    ready = '<b class="ready-mark">Ready</b>'
    return f'<div class="plan tabular">{ready}<dl>{grid}</dl>{cautions}{notes}</div>'


def describe_weights(plan: Plan) -> str:
    """Here already, or how much comes at Start."""
    if plan.files.size_bytes:
        return f"here, {plan.files.size_bytes / 1e9:.2f} GB ({plan.files.source})"
    size = weights_size(plan.files.name)
    return f"{size / 1e9:.2f} GB come at Start" if size else "come at Start (size not known)"


def list_cautions(plan: Plan) -> list[str]:
    """What is worth a look, though it does not stop the run."""
    cautions = []
    cautions += [f"Left out: {text}." for text in list_left_out(plan.snapshot.left_out)]
    if plan.cut_rows:
        cautions.append(f"{plan.cut_rows} rows are longer than train.max_length and are cut.")
    if plan.steps < 20:
        cautions.append(f"Only {plan.steps} optimizer steps: the model will hardly change. Raise train.epochs.")
    if not plan.snapshot.splits["eval"]:
        cautions.append("No eval rows: there will be no eval loss. Raise data.eval_fraction.")
    return cautions


def describe_run_progress(run: Run, history: History) -> str:
    """Status, bar, and the figures of the moment."""
    share = history.step / history.steps if history.steps else 0.0
    if history.active and not history.logs and history.fraction is not None:
        share = history.fraction
    last = history.logs[-1] if history.logs else {}
    facts = [f"step {history.step} / {history.steps}"] if history.steps else []
    facts += [f"elapsed {clock(history.elapsed)}"] if history.logs else []
    if history.status == "training" and history.remaining is not None:
        facts.append(f"about {clock(history.remaining)} left")
    if last:
        facts += [f"{last['tokens']:,} tokens", f"{last['tokens_per_s']:.0f} tokens/s", f"loss {show(last['loss'])}"]
    said = f'<div class="muted">{escape(history.message)} ...</div>' if history.active and history.message else ""
    reason = f'<div class="problem">{escape(history.reason)}</div>' if history.reason else ""
    if history.status == "interrupted":
        reason = '<div class="problem">The worker ended without a word (it was killed, or the machine went down).</div>'
    warnings = "".join(f'<div class="caution">{escape(text)}</div>' for text in history.warnings[-3:])
    kind = {"failed": "failed", "diverged": "failed", "interrupted": "failed"}.get(history.status, "")
    return (
        f'<div class="progress {kind}" role="status" aria-live="polite"><div class="progress-head tabular">'
        f'<b class="status" data-status="{history.status}">{escape(run.name)}: {STATUS[history.status]}</b>'
        f"<span>{' · '.join(facts)}</span></div>"
        f'<div class="progress-bar" role="progressbar" aria-label="Progress" aria-valuenow="{share * 100:.0f}">'
        f'<i style="width:{share:.2%}"></i></div>{said}{reason}{warnings}</div>'
    )


def describe_report(run: Run) -> str:
    """Before and after on the test split, in plain words."""
    report = run.report()
    if not report:
        return ""
    test = report.get("test") or {}
    parts = [
        f"{report['steps']} steps in {clock(report['seconds'])}, {report['tokens']:,} tokens "
        f"({report['tokens_per_s']:.0f} tokens/s), peak memory {report['peak_memory'] / 1e9:.1f} GB"
    ]
    head = ""
    if test.get("n"):
        match = test["exact_match"]
        head = (
            f'<div class="before-after"><span>Exact match on {test["n"]} test rows</span>'
            f'<span class="base">base <b>{match["base"]:.0%}</b></span>'
            f'<span class="tuned">tuned <b>{match["tuned"]:.0%}</b></span></div>'
        )
        parts.append(f"base asked in its {test['base_prompt']}")
    elif test.get("reason"):
        parts.append(test["reason"])
    losses = ", ".join(f"{name.replace('_', ' ')} loss {show(value)}" for name, value in report["losses"].items())
    return f'<div class="report tabular">{head}<div class="muted">{escape("; ".join([*parts, losses]))}</div></div>'


def describe_log(run: Run, history: History) -> str:
    """The end of the worker's log: open when the run failed, folded away otherwise."""
    text = tail_of(run.log)
    if not text:
        return ""
    is_open = " open" if history.status in ("failed", "interrupted") else ""
    return f'<details class="log"{is_open}><summary>Log of the worker</summary><pre>{escape(text)}</pre></details>'


def describe_run_chip(history: History | None) -> tuple[str, str, float | None]:
    """Text, state and share of the bar for the header's run chip."""
    if history is None:
        return "run: none yet", "", None
    state = {"finished": "ready", "stopped": "ready", "training": "ready", "preparing": "amber", "stopping": "amber"}
    share = history.step / history.steps if history.active and history.steps else None
    steps = f" {history.step}/{history.steps}" if history.active and history.steps else ""
    return f"run: {history.name} · {history.status}{steps}", state.get(history.status, "failed"), share


def clock(seconds: float) -> str:
    """ "1:02:03" or "2:05" """
    return (
        time.strftime("%H:%M:%S" if seconds >= 3600 else "%M:%S", time.gmtime(max(0, seconds)))
        .lstrip("0")
        .rjust(4, "0")
    )


def show(value: float | None) -> str:
    """A loss; null in the events means that it was not a finite number."""
    return "not a number" if value is None else f"{value:.3f}"
