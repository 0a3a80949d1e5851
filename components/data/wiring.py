"""How the Data tab's events are wired, and how what they carry is read."""

import gradio as gr

from components.data import cells
from components.shared import QUIET
from studio.errors import DataError

# Saving a row and opening the next are two requests; they are answered in the order in which they came.
ORDERED = {**QUIET, "concurrency_id": "data-rows", "concurrency_limit": 1, "trigger_mode": "multiple"}
# What only shows: of many requests that wait, the last one counts.
LATEST = {**QUIET, "trigger_mode": "always_last"}
MOST_NUMBERS = 10_000


def number_from(event: gr.EventData, name: str) -> int:
    """A number that the page sent with an event; DataError if it is none."""
    return cells.read_number((event._data or {}).get(name))


def text_from(event: gr.EventData, name: str) -> str:
    value = (event._data or {}).get(name)
    return value if isinstance(value, str) else ""


def numbers_from(event: gr.EventData, name: str) -> list[int]:
    """Row ids that the page sent, each once; DataError if one is none, or there are more than a page can tick."""
    values = (event._data or {}).get(name)
    if not isinstance(values, list) or len(values) > MOST_NUMBERS:
        raise DataError(f"The page can tick at most {MOST_NUMBERS:,} rows. Filter instead, and act on all that match.")
    return list(dict.fromkeys(cells.read_number(value) for value in values))


def numbers_from_text(event: gr.EventData, name: str) -> list[int]:
    """Row ids that a button carries with commas between them."""
    return list(dict.fromkeys(cells.read_number(part) for part in text_from(event, name).split(",")))
