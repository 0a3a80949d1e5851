"""What the Quality panel shows: counts by check, proposals before they are made, contradictions side by side."""

from collections.abc import Mapping, Sequence
from html import escape

from components.data.cells import show_cell
from components.data.differences import count_rows, mark_difference
from components.data.panels import button, clip, render_first_step
from studio.data.background import Progress
from studio.data.checks.catalogue import find_check
from studio.data.checks.repairs import DELETE, EDIT, Proposal
from studio.data.checks.results import CheckCount, Summary
from studio.data.store.tables import Row

SIGNS = {"error": "!", "warning": "△", "hint": "·"}
MOST_SHOWN = 300
WHAT_FOR = (
    "The checks look for empty answers, duplicates, leaks, private data, broken characters and more. "
    "They list rows and propose repairs; nothing is changed unasked."
)


def render_quality(summary: Summary, progress: Progress, read_only: bool) -> str:
    """How far the checks are, then every check: those that found something first."""
    if progress.state == "running":
        return f'<div class="panel">{render_progress(progress)}</div>'
    failed = f'<p class="problem" role="alert">{escape(progress.error)}</p>' if progress.state == "failed" else ""
    start = "" if read_only else button("run", "Run the checks" if summary.state == "none" else "Run them again")
    if summary.state == "none":
        return f'<div class="panel">{failed}{render_first_step(WHAT_FOR)}<p>{start}</p></div>'
    found = [check for check in summary.checks if check.count]
    clean = [check for check in summary.checks if not check.count]
    lines = "".join(render_check(check, read_only) for check in found)
    table = (
        f'<table class="plain tabular checks"><tbody>{lines}</tbody></table>' if found else "<p>Nothing was found.</p>"
    )
    return f'<div class="panel">{failed}<p>{describe_run(summary)} {start}</p>{table}{render_clean(clean)}</div>'


def render_progress(progress: Progress) -> str:
    """The stage with its counts, and a way to stop."""
    counts = f" {progress.done:,} of {progress.total:,}" if progress.total else ""
    return (
        f'<p role="status" data-waiting>{escape(progress.stage)}{counts} {button("stop", "Stop")}</p>'
        f'<div class="progress-bar"><i style="width:{progress.fraction:.0%}"></i></div>'
    )


def describe_run(summary: Summary) -> str:
    """When the checks ran, and what changed since."""
    when = f"Checked {summary.at[:16].replace('T', ' ')}."
    if summary.state == "current":
        return when
    changed = f"{count_rows(summary.stale_rows)} changed since" if summary.stale_rows else "rows or roles changed since"
    return f'{when} <span class="caution">{changed}.</span>'


def render_check(check: CheckCount, read_only: bool) -> str:
    """One check that found something: why it matters, and what can be done."""
    choice = check.name == "conflicting_answers"
    act = button("look", "Choose" if choice else "Repair", check=check.name)
    return (
        f'<tr class="{check.severity}"><td class="sign" title="{check.severity}"><span aria-hidden="true">'
        f'{SIGNS[check.severity]}</span><span class="spoken">{check.severity}</span></td>'
        f'<td class="count"><b>{check.count:,}</b></td>'
        f'<th scope="row">{escape(check.title)}<span class="muted">{escape(check.why)}</span></th>'
        f'<td class="acts">{button("rows", "Show rows", check=check.name)} '
        f"{act if (check.repairable or choice) and not read_only else ''}</td></tr>"
    )


def render_clean(checks: Sequence[CheckCount]) -> str:
    """The checks that found nothing, and those that could not look."""
    looked = ", ".join(check.title.lower() for check in checks if check.looked)
    blind = ", ".join(check.title.lower() for check in checks if not check.looked)
    text = f"<p class='muted'>Found nothing: {escape(looked)}.</p>" if looked else ""
    if blind:
        text += f"<p class='muted'>Not looked at, because the model's tokenizer was not here yet: {escape(blind)}.</p>"
    return text


def render_proposals(name: str, proposals: Sequence[Proposal], read_only: bool, seen: str = "") -> str:
    """Every row that a repair would touch, and how. `seen`: what the rows were, for the button to tell."""
    title = escape(find_check(name).title)
    if not proposals:
        return (
            f'<div class="panel"><h3>{title}</h3><p>There is nothing to repair by itself: look at the rows.</p></div>'
        )
    touched = len({proposal.row_id for proposal in proposals})
    items = "".join(f"<li>{render_proposal(proposal)}</li>" for proposal in proposals[:MOST_SHOWN])
    more = f"<p class='muted'>and {len(proposals) - MOST_SHOWN:,} more of the same kind</p>"
    do = "" if read_only else button("repair", f"Repair {count_rows(touched)}", check=name, seen=seen)
    return (
        f'<div class="panel repair"><h3>{title}: proposed repair</h3><ul class="changes" tabindex="0">{items}</ul>'
        f"{more if len(proposals) > MOST_SHOWN else ''}<p>{do} {button('close', 'Leave them as they are')}</p></div>"
    )


def render_proposal(proposal: Proposal) -> str:
    """One row: deleted, marked, or a cell before and after."""
    row = f"<b class='tabular'>Row {proposal.row_id}</b>"
    why = f"<span class='muted'>{escape(clip(proposal.why))}</span>"
    if proposal.action == DELETE:
        return f"{row} <i>goes to the trash</i> {why}"
    if proposal.action == EDIT:
        before, after = show_cell(proposal.before), show_cell(proposal.after)
        return f"{row} <i>{escape(proposal.column)}</i> {mark_difference(before, after)} {why}"
    return f"{row} <i>becomes a {escape(str(proposal.after))}</i> {why}"


def render_conflicts(
    groups: Sequence[Sequence[Row]], mapping: Mapping[str, str], read_only: bool, seen: str = ""
) -> str:
    """Rows with one prompt and different answers: keep one, or merge their answers."""
    if not groups:
        return '<div class="panel"><p>No prompt has two answers any more.</p></div>'
    cards = "".join(render_conflict(group, mapping, read_only, seen) for group in groups)
    return f'<div class="panel"><h3>One prompt, different answers</h3>{cards}</div>'


def render_conflict(rows: Sequence[Row], mapping: Mapping[str, str], read_only: bool, seen: str) -> str:
    answers = [column for column, role in mapping.items() if role in ("output", "messages", "label", "tags")]
    told = {"rows": ",".join(str(row.id) for row in rows), "seen": seen}
    prompt = "".join(
        f"<dt>{escape(column)}</dt><dd>{escape(clip(show_cell(value)))}</dd>"
        for column, value in rows[0].values.items()
        if mapping.get(column) in ("system", "instruction", "input")
    )
    sides = "".join(render_side(row, answers, told, read_only) for row in rows)
    merge = "" if read_only else button("merge", "Merge the answers", **told)
    return f'<article class="card"><dl>{prompt}</dl><div class="sides">{sides}</div><p>{merge}</p></article>'


def render_side(row: Row, answers: Sequence[str], told: Mapping[str, str], read_only: bool) -> str:
    """One of the answers, with the button that keeps it alone."""
    texts = "".join(f"<pre>{escape(clip(show_cell(row.values.get(column)), 1500))}</pre>" for column in answers)
    keep = "" if read_only else button("keep", "Keep this answer", kept=row.id, **told)
    return f"<section><h4 class='tabular'>Row {row.id}</h4>{texts}{keep}</section>"
