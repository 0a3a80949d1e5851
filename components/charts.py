"""The charts of a run, as Plotly figures in the page's colours."""

from collections.abc import Sequence

import plotly.graph_objects as go

from components.theme import ACCENT, NEUTRAL, WARNING
from studio.runs.history import History

MOST_POINTS = 1000
GRID = "rgba(128,128,128,0.18)"


def draw_loss(history: History) -> go.Figure:
    """Train loss, its running mean, and eval loss over optimizer steps."""
    figure = empty_figure("Loss", height=330, legend=True)
    steps, losses = points(history.logs, "loss")
    figure.add_trace(line(steps, losses, "train", NEUTRAL, width=1, opacity=0.55))
    if len(losses) >= 10:
        figure.add_trace(line(steps, running_mean(losses), "train, smoothed", NEUTRAL, width=2))
    eval_steps, eval_losses = points(history.evals, "loss")
    figure.add_trace(line(eval_steps, eval_losses, "eval", ACCENT, width=2.5, markers=True))
    return figure


def draw_small(history: History, key: str, title: str) -> go.Figure:
    """One figure of the log over steps."""
    figure = empty_figure(title, height=165)
    figure.add_trace(line(*points(history.logs, key), title, ACCENT if key == "tokens_per_s" else NEUTRAL, width=1.6))
    return figure


def points(events: list[dict], key: str) -> tuple[list[int], list[float]]:
    """Steps and values, thinned evenly to at most MOST_POINTS; the last one always stays."""
    pairs = [(event["step"], event[key]) for event in events if event.get(key) is not None]
    stride = -(-len(pairs) // MOST_POINTS) or 1
    kept = pairs[::stride]
    if pairs and kept[-1] != pairs[-1]:
        kept.append(pairs[-1])
    return [step for step, _ in kept], [value for _, value in kept]


def running_mean(values: list[float], share: float = 0.1) -> list[float]:
    """Exponential mean; `share` is the weight of each new value."""
    means, mean = [], values[0]
    for value in values:
        mean += share * (value - mean)
        means.append(mean)
    return means


def line(
    x: list, y: list, name: str, colour: str, width: float, opacity: float = 1.0, markers: bool = False
) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if markers or len(x) < 2 else "lines",
        line={"color": colour, "width": width},
        opacity=opacity,
        hovertemplate="step %{x}: %{y:.4g}<extra>" + name + "</extra>",
    )


def draw_bins(bins: Sequence[tuple[int, int, int]], colours: str | list[str], data: list | None = None) -> go.Bar:
    """A histogram of (low, high, count); a last bin that takes all that is longer is drawn as wide as the others."""
    if not bins:
        return go.Bar()
    step = bins[0][1] - bins[0][0] + 1
    longer = len(bins) > 1 and bins[-1][1] - bins[-1][0] + 1 > step
    names = [f"{low:,} to {high:,}" for low, high, _ in bins]
    if longer:
        names[-1] = f"{bins[-1][0]:,} and more"
    return go.Bar(
        x=[low + step / 2 for low, _, _ in bins],
        y=[count for _, _, count in bins],
        width=[step * 0.94] * len(bins),
        text=names,
        textposition="none",
        customdata=data,
        marker_color=colours,
        hovertemplate="%{text}: %{y:,} rows<extra></extra>",
    )


def empty_figure(title: str, height: int, legend: bool = False) -> go.Figure:
    """Axes alone: transparent, so that light and dark pages both suit it."""
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "x": 0.01, "y": 0.97},
        height=height,
        margin={"l": 48, "r": 14, "t": 34, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7b8494", "size": 12, "family": "system-ui, sans-serif"},
        showlegend=legend,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.12},
        uirevision="keep",  # a zoom survives the next update
        hovermode="x unified",
        colorway=[ACCENT, NEUTRAL, WARNING],
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, rangemode="tozero")
    figure.update_yaxes(gridcolor=GRID, zeroline=False, rangemode="tozero")
    return figure
