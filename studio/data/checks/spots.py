"""Pieces of a text that were found, and the text with a word in their place."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Spot:
    """The characters from `start` up to `end`, what they are, and the word that may stand for them."""

    start: int
    end: int
    kind: str
    mask: str = ""


def merge_spots(spots: Iterable[Spot]) -> list[Spot]:
    """In their order and without overlaps: spots that overlap become one, named after the first."""
    merged: list[Spot] = []
    for spot in sorted(spots):
        if merged and spot.start < merged[-1].end:
            last = merged.pop()
            spot = Spot(last.start, max(last.end, spot.end), last.kind, last.mask)
        merged.append(spot)
    return merged


def mask_spots(text: str, spots: list[Spot]) -> str:
    """The text with each spot's mask in its place."""
    for spot in reversed(spots):
        text = text[: spot.start] + spot.mask + text[spot.end :]
    return text


def list_kinds(spots: Iterable[Spot]) -> str:
    """Which kinds there are; never what the spots say."""
    return ", ".join(dict.fromkeys(spot.kind for spot in spots))
