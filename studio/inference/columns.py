"""What the engine is given and what it gives back; imports no torch."""

from dataclasses import dataclass
from typing import Literal

from studio.templates.encoding import Stop

Adapter = Literal["base", "tuned"]


@dataclass(frozen=True)
class Column:
    """One answer to be written: by which weights, to which prompt, ended by what."""

    adapter: Adapter
    prompt_ids: list[int]
    stop: Stop


@dataclass(frozen=True)
class Delta:
    """What one step added to one column.

    `tokens` counts the column's tokens so far, the stop token included; `seconds` since the batch began. With
    `done`, `reason` is "stop" (the model ended), "length" (max_new_tokens or the context is full) or "stopped"
    (cancelled). A step that completes no character gives no delta.
    """

    column: int
    text: str
    tokens: int
    seconds: float
    done: bool = False
    reason: str = ""
