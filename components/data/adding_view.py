"""What the “Add data” panel shows: the examples, how far reading is, and what would become of a file."""

from collections.abc import Sequence
from html import escape

from components.data.cells import show_cell
from components.data.differences import count_rows
from components.data.panels import button
from components.data.views import render_notice
from components.shared import Services
from components.token_view import preview_example
from studio.data.importing import ImportPreview, ShippedExample
from studio.data.importing.desk import Pending
from studio.data.importing.samples import SampleRow
from studio.data.reading import Problem
from studio.data.roles import ROLES
from studio.errors import StudioError
from studio.settings import Recipe

MOST_LISTED = 500
UNSURE = 0.6
LONGEST_TURN = 700


def render_examples(examples: Sequence[ShippedExample]) -> str:
    """A card for every dataset that is shipped."""
    cards = "".join(
        f'<article class="card"><header><b>{escape(example.title)}</b><span class="muted tabular">{example.rows:,} rows'
        f"</span>{button('example', 'Load', example=example.name)}</header>"
        f"<p>{escape(example.description)}</p></article>"
        for example in examples
    )
    return f'<div class="panel cards">{cards}</div>'


def render_pending(pending: Pending, services: Services, recipe: Recipe, problem: str) -> str:
    """How an import stands: read, refused, or ready to be looked at."""
    if pending.state == "reading":
        share = "" if pending.fraction is None else f" {pending.fraction:.0%}"
        return f'<div class="notice" role="status" data-waiting>{escape(pending.message)}{share} …</div>'
    if pending.bad is not None:
        return render_alert(pending.message) + render_problems(
            pending.bad.problems, pending.bad.count, "cannot be used"
        )
    if pending.preview is None:
        return render_alert(pending.message)
    return render_preview(pending.preview, services, recipe, problem)


def render_alert(text: str) -> str:
    return f'<div class="notice problem" role="alert">{escape(text)}</div>'


def render_problems(problems: Sequence[Problem], count: int, what: str) -> str:
    """Every problem with its line, as a list that scrolls; the first ones where there are very many."""
    items = "".join(
        f"<li><b>Line {problem.line:,}</b> {escape(problem.message)}</li>" for problem in problems[:MOST_LISTED]
    )
    more = f"<li>and {count - MOST_LISTED:,} more</li>" if count > MOST_LISTED else ""
    return (
        f'<details class="problems" open><summary>{count_rows(count)} {what}</summary><ul>{items}{more}</ul></details>'
    )


def render_preview(preview: ImportPreview, services: Services, recipe: Recipe, problem: str) -> str:
    """The columns with their roles, what only the user can say, and three rows as they would be learned."""
    parsed = preview.parsed
    head = f"{count_rows(len(parsed.rows))}, {parsed.format.upper()}, {preview.family} format."
    notes = "".join(render_notice(note, "muted") for note in parsed.notes)
    if parsed.problems:
        notes += render_problems(parsed.problems, len(parsed.problems), "are left out")
    samples = "".join(render_sample(sample, services, recipe) for sample in preview.samples)
    rows = f'<h3>Rows as they would be learned</h3><div class="samples">{samples}</div>' if samples else ""
    return (
        f'<div class="panel">{render_notice(head)}{notes}{render_alert(problem) if problem else ""}'
        f"{render_columns(preview)}{render_asked(preview)}{rows}</div>"
    )


def render_columns(preview: ImportPreview) -> str:
    """Every column: its name, its role to choose, how sure that is and why, and a first value."""
    first = preview.parsed.rows[0] if len(preview.parsed.rows) else {}
    lines = []
    for column, kept in preview.mapping.items():
        options = "".join(f"<option{' selected' if role == kept.role else ''}>{role}</option>" for role in ROLES)
        unsure = kept.confidence < UNSURE and kept.role != "ignore"
        sure = "chosen" if kept.confidence >= 1 else f"{kept.confidence:.0%} sure"
        value = show_cell(first.get(column))
        lines.append(
            f'<tr><th scope="row">{escape(column)}</th><td><select data-act="role" data-column="{escape(column)}" '
            f'aria-label="Role of column {escape(column)}">{options}</select></td>'
            f'<td class="{"caution" if unsure else "muted"}">{"check: " if unsure else ""}{sure}</td>'
            f'<td class="muted">{escape(kept.reason)}</td><td class="value">{escape(value[:160])}</td></tr>'
        )
    return (
        '<table class="plain columns"><thead><tr><th scope="col">Column</th><th scope="col">Role</th>'
        '<th scope="col">Sure</th><th scope="col">Why</th><th scope="col">First row</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def render_asked(preview: ImportPreview) -> str:
    """Names of labels that are numbers, a translation's direction, and an instruction for all rows."""
    options, asked = preview.roles.options, preview.asked
    parts = []
    for column, labels in {**dict.fromkeys(options.labels, ()), **asked.labels}.items():
        names = options.labels.get(column, {})
        fields = "".join(
            f'<label>{escape(label)} <input type="text" data-act="label" data-column="{escape(column)}" '
            f'data-label="{escape(label)}" value="{escape(names.get(label, ""))}"></label>'
            for label in (labels or names)
        )
        parts.append(f"<fieldset><legend>What the labels of {escape(column)} are called</legend>{fields}</fieldset>")
    if asked.languages:
        pairs = [(one, other) for one in asked.languages for other in asked.languages if one != other]
        choices = "".join(render_direction(pair, pair == options.direction) for pair in pairs)
        parts.append(
            f'<label>Translate <select data-act="direction"><option value="">choose</option>{choices}</select></label>'
        )
    if options.instruction or not (preview.roles.having("instruction") or preview.roles.having("messages")):
        parts.append(
            '<label class="wide">Instruction that stands before every row '
            f'<input type="text" data-act="instruction" value="{escape(options.instruction)}"></label>'
        )
    return f'<div class="asked">{"".join(parts)}</div>' if parts else ""


def render_direction(pair: tuple[str, str], chosen: bool) -> str:
    """An option; the two languages are divided by a tab, which no name of a language holds."""
    one, other = map(escape, pair)
    return f'<option value="{one}&#9;{other}"{" selected" if chosen else ""}>{one} into {other}</option>'


def render_sample(sample: SampleRow, services: Services, recipe: Recipe) -> str:
    """One row as turns and, unfolded, as the tokens that the model would see."""
    title = f'<header><b>{escape(sample.kind)}</b><span class="muted tabular">row {sample.number:,}</span></header>'
    if sample.example is None:
        return f'<article class="card">{title}{render_alert(sample.problem or "")}</article>'
    turns = "".join(
        f'<p class="said {escape(turn["role"])}"><b>{escape(turn["role"])}</b> {escape(clip(turn["content"]))}</p>'
        for turn in sample.example.turns
    )
    problem = f'<p class="caution">Not learned: {escape(sample.problem)}</p>' if sample.problem else ""
    tokens = f"<details><summary>As the model sees it</summary>{render_tokens(sample, services, recipe)}</details>"
    return f'<article class="card">{title}{turns}{problem}{tokens}</article>'


def render_tokens(sample: SampleRow, services: Services, recipe: Recipe) -> str:
    try:
        return preview_example(services, recipe, sample.example)
    except StudioError as error:
        return render_alert(str(error))


def clip(text: str) -> str:
    return text if len(text) <= LONGEST_TURN else text[:LONGEST_TURN] + "…"
