"""What narrows the table: counts that filter at a click, histograms whose bars filter, and a pill for every filter."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from components.charts import GRID, draw_bins
from components.theme import ACCENT, NEUTRAL
from studio.data.store.marks import STATUSES
from studio.data.view import Bin, Facets, Query
from studio.errors import DataError

SCRIPT = Path(__file__).with_name("facets.js")
PILLS_SCRIPT = """
element.addEventListener('click', (event) => {
  const pill = event.target.closest('button[data-facet]');
  if (pill) trigger('unfilter', { facet: pill.dataset.facet, value: pill.dataset.value });
});
"""

# Field of Query -> its title, in the order shown.
TITLES = {
    "status": "Review",
    "checks": "Checks",
    "labels": "Labels",
    "splits": "Split",
    "languages": "Language",
    "tags": "Tags",
}
LENGTHS = {
    "prompt": "Prompt length, characters",
    "answer": "Answer length, characters",
    "tokens": "Tokens of the row",
}
FEW = 7  # values of a facet shown before it is unfolded
LONGEST_VALUE = 40
RING = 25.0  # radius at which the circumference is about 157


# Filters: a query changed by one click


def add_filter(query: Query, facet: str, value: str) -> Query:
    """The query with a value of a facet added, or taken away where it is there already."""
    check_facet(facet)
    if facet == "golden":
        return replace(query, golden=None if query.golden else True)
    there = getattr(query, facet)
    kept = tuple(item for item in there if item != value) if value in there else (*there, value)
    return replace(query, **{facet: kept})


def add_contains(query: Query, column: str, text: str) -> Query:
    """The query with a text that a column must contain, in place of an earlier one for the column; "": without it."""
    kept = tuple(pair for pair in query.contains if pair[0] != column)
    return replace(query, contains=(*kept, (column, text)) if text else kept)


def set_range(query: Query, name: str, low: int, high: int) -> Query:
    """The query with a length from `low` to `high`, both included."""
    if name not in LENGTHS or low > high:
        raise DataError(f"There is no length {name[:40]!r} from {low} to {high}. Reload the page.")
    return replace(query, lengths={**query.lengths, name: (low, high)})


def remove_filter(query: Query, facet: str, value: str) -> Query:
    """The query without one of its filters; `facet` "all": without any, search included."""
    if facet == "all":
        return Query(sort=query.sort, descending=query.descending)
    if facet == "lengths":
        return replace(query, lengths={name: kept for name, kept in query.lengths.items() if name != value})
    if facet == "search":
        return replace(query, search="")
    if facet == "golden":
        return replace(query, golden=None)
    if facet == "contains":
        return replace(query, contains=tuple(pair for pair in query.contains if pair[0] != value))
    check_facet(facet)
    return replace(query, **{facet: tuple(item for item in getattr(query, facet) if item != value)})


def check_facet(facet: str) -> None:
    if facet not in TITLES and facet != "golden":
        raise DataError(f"There is no filter {facet[:40]!r}. Reload the page.")


def change_sort(query: Query, key: str) -> Query:
    """Sorted by a key; once more: the other way round; a third time: in the dataset's own order."""
    if query.sort != key:
        return replace(query, sort=key, descending=False)
    return replace(query, descending=True) if not query.descending else replace(query, sort="", descending=False)


# Pills


def render_pills(query: Query, titles: Mapping[str, str]) -> str:
    """Every filter in words, each with a cross that takes it away. `titles`: of the checks."""
    pills = [("search", "", f"“{query.search}”")] if query.search else []
    for facet, title in TITLES.items():
        pills += [
            (facet, value, f"{title.lower()}: {name_value(facet, value, titles)}") for value in getattr(query, facet)
        ]
    pills += [
        ("lengths", name, f"{LENGTHS[name].lower()}: {name_range(*ends)}") for name, ends in query.lengths.items()
    ]
    pills += [("contains", column, f"{column} contains “{text}”") for column, text in query.contains]
    pills += [("golden", "", "golden rows")] if query.golden else []
    if not pills:
        return ""
    parts = "".join(
        f'<button type="button" class="pill" data-facet="{facet}" data-value="{escape(value)}" '
        f'aria-label="Take away the filter {escape(words)}">{escape(shorten(words, 80))}'
        '<span aria-hidden="true">×</span></button>'
        for facet, value, words in pills
    )
    clear = '<button type="button" class="pill clear" data-facet="all" data-value="">Clear all</button>'
    return f'<div class="pills" role="group" aria-label="Filters">{parts}{clear if len(pills) > 1 else ""}</div>'


def name_range(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return f"at least {low:,}" if high is None else f"at most {high:,}"
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def name_value(facet: str, value: str, titles: Mapping[str, str]) -> str:
    """A value as people read it."""
    if facet == "checks":
        return titles.get(value, value.replace("_", " "))
    return value or "(empty)"


def shorten(text: str, most: int = LONGEST_VALUE) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# Counts


def render_facets(
    counts: Facets, query: Query, titles: Mapping[str, str], columns: Sequence[str] = (), preparing: str = ""
) -> str:
    """The left pane. `preparing`: what is still worked out in the background; the script asks again meanwhile."""
    parts = [render_donut(counts.status)]
    if preparing:
        parts.append(f'<p class="muted" role="status" data-preparing>{escape(preparing)}</p>')
    if not counts.status and not counts.ready:  # nothing is known yet: no row of zeros
        return f'<div class="facets">{"".join(parts)}</div>'
    for facet, title in TITLES.items():
        values = list(getattr(counts, facet))
        values += [(value, 0) for value in getattr(query, facet) if value not in dict(values)]
        if facet == "labels" and not query.labels and sum(count for _, count in values) < 2 * len(values):
            continue  # short answers that hardly repeat are no labels
        if facet == "status":
            found = dict(values)
            values = [(status, found.get(status, 0)) for status in STATUSES]
        if values:
            parts.append(render_values(facet, title, values, getattr(query, facet), titles))
    if counts.golden or query.golden:
        parts.append(render_golden(counts.golden, bool(query.golden)))
    if columns:
        parts.append(render_contains(columns))
    return f'<div class="facets">{"".join(parts)}</div>'


def render_stuck(problem: str) -> str:
    """Why nothing is counted, and a way to try again."""
    return (
        f'<div class="facets"><p class="problem" role="alert">{escape(problem)}</p>'
        '<button type="button" data-retry style="--share:0"><span>Try again</span></button></div>'
    )


def render_golden(count: int, pressed: bool) -> str:
    """Rows kept for the test."""
    on = "true" if pressed else "false"
    return (
        f'<section><h4>Golden</h4><button type="button" data-facet="golden" data-value="" aria-pressed="{on}" '
        f'style="--share:0"><span>kept for the test</span><b>{count:,}</b></button></section>'
    )


def render_contains(columns: Sequence[str]) -> str:
    """A text to look for in one column; the script reports it once it is typed."""
    options = "".join(f"<option>{escape(column)}</option>" for column in columns)
    return (
        '<section class="contains"><h4>Column contains</h4>'
        f'<select aria-label="Column">{options}</select>'
        '<input type="text" aria-label="Text that the column contains" placeholder="text"></section>'
    )


def render_values(
    facet: str, title: str, values: Sequence[tuple[str, int]], pressed: Sequence[str], titles: Mapping[str, str]
) -> str:
    """One facet: a button for every value, as long as its share of the most frequent; many fold away."""
    most = max(count for _, count in values) or 1
    buttons = []
    for value, count in values:
        words = name_value(facet, value, titles)
        on = "true" if value in pressed else "false"
        buttons.append(
            f'<button type="button" data-facet="{facet}" data-value="{escape(value)}" aria-pressed="{on}" '
            f'title="{escape(words)}" style="--share:{count / most:.3f}"><span>{escape(shorten(words))}</span>'
            f"<b>{count:,}</b></button>"
        )
    shown, folded = "".join(buttons[:FEW]), "".join(buttons[FEW:])
    more = f"<details><summary>{len(buttons) - FEW} more</summary>{folded}</details>" if folded else ""
    return f'<section aria-label="{title}"><h4>{title}</h4>{shown}{more}</section>'


def render_donut(status: Sequence[tuple[str, int]]) -> str:
    """How much of what is shown is reviewed: accepted and discarded against all."""
    counts = dict(status)
    total = sum(counts.values())
    if not total:
        return ""
    around, start, arcs = 2 * 3.14159265 * RING, 0.0, []
    for name in ("accepted", "discarded", "draft"):
        part = counts.get(name, 0) / total * around
        if part:
            arcs.append(
                f'<circle class="{name}" r="{RING}" cx="32" cy="32" stroke-dasharray="{part:.2f} {around - part:.2f}" '
                f'stroke-dashoffset="{-start:.2f}"/>'
            )
        start += part
    done = counts.get("accepted", 0) + counts.get("discarded", 0)
    words = f"{done:,} of {total:,} reviewed"
    return (
        f'<div class="donut" role="img" aria-label="{words}"><svg viewBox="0 0 64 64" aria-hidden="true">'
        f'<circle class="track" r="{RING}" cx="32" cy="32"/>{"".join(arcs)}</svg>'
        f"<div><b>{done / total:.0%}</b><span>{words}</span></div></div>"
    )


# Histograms


def draw_lengths(counts: Facets, query: Query) -> go.Figure | None:
    """Histograms of the lengths, one above the other; a bar carries the range it stands for. None without any."""
    found = {
        name: bins
        for name, bins in (
            ("prompt", counts.prompt_lengths),
            ("answer", counts.answer_lengths),
            ("tokens", counts.tokens),
        )
        if bins
    }
    if not found:
        return None
    figure = make_subplots(
        rows=len(found), cols=1, subplot_titles=[LENGTHS[name] for name in found], vertical_spacing=0.2
    )
    for place, (name, bins) in enumerate(found.items(), 1):
        figure.add_trace(draw_bars(name, bins, query), row=place, col=1)
    figure.update_layout(
        height=30 + 118 * len(found),
        margin={"l": 4, "r": 4, "t": 24, "b": 18},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7b8494", "size": 11, "family": "system-ui, sans-serif"},
        showlegend=False,
        bargap=0.06,
        dragmode=False,
    )
    figure.update_annotations(font_size=12)
    figure.update_xaxes(showgrid=False, zeroline=False, nticks=4, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True, gridcolor=GRID)
    return figure


def draw_bars(name: str, bins: Sequence[Bin], query: Query) -> go.Bar:
    """The bars within the range that is filtered for in accent, the others in grey."""
    low, high = query.lengths.get(name, (None, None))
    inside = [(low is None or each.low >= low) and (high is None or each.high <= high) for each in bins]
    return draw_bins(
        [(each.low, each.high, each.count) for each in bins],
        [ACCENT if kept else NEUTRAL for kept in inside],
        [[name, each.low, each.high] for each in bins],
    )
