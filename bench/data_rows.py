"""Rows made up for the benches of the Data tab: as many as wanted, all different, with near duplicates among them."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

COLUMNS = ["instruction", "input", "output"]
ROLES = {column: column for column in COLUMNS}
PLANTED_SHARE = 0.02
WORDS = 6000
FREQUENT = 200
CHINESE = ("数据", "模型", "问题", "回答", "包裹", "退款", "语言", "训练", "学习", "天空")
COMMON = """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you
were all her she there would their we him been has when who will no more if out so what up said its about than into them
can only other time new some could these two may first then do any like my now over such our man me even most made after
also did many off before must well back through years much where your way down should
"""
STARTS = ("Write", "Explain", "Describe", "Compare", "Summarize", "Translate", "List", "Find")
CONSONANTS = (*"bcdfghlmnprstv", "st", "tr", "ch", "sh", "pl", "gr")
ENDINGS = ("", "", "n", "r", "s", "t", "ng", "ment", "ing", "tion", "ly", "er")


@dataclass(frozen=True)
class Planted:
    """A row that is a copy of another one with one word of its prompt changed; both counted from 0."""

    original: int
    copy: int


def make_words(seed: int = 1) -> tuple[list[str], list[float]]:
    """Words, the frequent ones first, and their cumulative weights: the n-th is about 1/n as frequent as the first."""
    chance = random.Random(seed)
    syllables = [first + vowel for first in CONSONANTS for vowel in "aeiou"]
    words = dict.fromkeys(COMMON.split())
    while len(words) < WORDS:
        words["".join(chance.choices(syllables, k=chance.randint(2, 4))) + chance.choice(ENDINGS)] = None
    return list(words), list(accumulate(1 / (number + 3) for number in range(len(words))))


def make_rows(count: int, seed: int = 1) -> Iterator[tuple[dict[str, str], Planted | None]]:
    """Rows like Alpaca's, (row, whether it was planted) each; no two prompts are equal. The same ones every time."""
    chance = random.Random(seed)
    words, weights = make_words(seed)
    recent: list[tuple[int, dict[str, str]]] = []

    def text(low: int, high: int) -> str:
        return " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(low, high)))

    for number in range(count):
        if recent and chance.random() < PLANTED_SHARE:
            original, row = recent.pop(chance.randrange(len(recent)))
            prompt = row["instruction"].split(" ")
            place = chance.randrange(3, len(prompt) - 3)
            prompt[place] = chance.choice([word for word in words[FREQUENT:] if word != prompt[place]])
            yield row | {"instruction": " ".join(prompt)}, Planted(original, number)
            continue
        row = {
            "instruction": f"{chance.choice(STARTS)} {text(22, 36)} case {number}",
            "input": text(5, 20) if chance.random() < 0.3 else "",
            "output": text(15, 45) + (f" {chance.choice(CHINESE)}{chance.choice(CHINESE)}" if number % 50 == 0 else ""),
        }
        if len(recent) < 1000:
            recent.append((number, row))
        else:
            recent[chance.randrange(1000)] = (number, row)
        yield row, None


def write_file(path: Path, count: int) -> tuple[list[Planted], float]:
    """Write rows as one JSON array, as Alpaca comes; (what was planted, median characters of a row)."""
    planted, lengths = [], []
    with path.open("w", encoding="utf-8") as file:
        for number, (row, copy) in enumerate(make_rows(count)):
            file.write(("[\n" if number == 0 else ",\n") + json.dumps(row, ensure_ascii=False))
            lengths.append(sum(map(len, row.values())))
            planted += [copy] if copy else []
        file.write("\n]\n")
    return planted, sorted(lengths)[len(lengths) // 2]
