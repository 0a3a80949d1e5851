"""How the Data tab's events are wired, and how what they carry is read."""

import gradio as gr

from components import cells
from components.shared import QUIET

# Saving a row and opening the next are two requests; they are answered in the order in which they came.
ORDERED = {**QUIET, "concurrency_id": "data-rows", "concurrency_limit": 1, "trigger_mode": "multiple"}


def number_from(event: gr.EventData, name: str) -> int:
    """A number that the page sent with an event; DataError if it is none."""
    return cells.read_number((event._data or {}).get(name))


def text_from(event: gr.EventData, name: str) -> str:
    value = (event._data or {}).get(name)
    return value if isinstance(value, str) else ""
