"""A dataset in figures: lengths, labels, languages, openings, shares; kept in the cache until something changes."""

import json
import os
import re
import secrets
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from studio.data.roles.conversations import cell_text, to_example
from studio.data.splits.units import MOST_LABELS
from studio.data.statistics.lengths import Bin, Lengths, describe_lengths
from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row
from studio.errors import DataError
from studio.home import Home
from studio.templates.example import Example

FORMAT = 1  # of the cached file
WORDS = 4
OPENINGS = 20
LONGEST_VALUE = 80  # characters of a cell that can stand for a category
CHUNK = 1000
TOKENIZED = 20_000  # rows whose tokens are counted: a few seconds
# A word, or one character of a script that writes none apart.
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)

Counts = list[tuple[str, int]]


@dataclass(frozen=True)
class Statistics:
    """Figures of the live rows. Counts come largest first; what could not be counted is empty or None."""

    rows: int
    unreadable: int
    """Rows that are no example as the roles are; they count nowhere below but in `shares` and `statuses`"""
    turns: int
    """Most turns of a row, system prompts included"""
    prompt: Lengths
    answer: Lengths
    prompt_tokens: Lengths | None
    answer_tokens: Lengths | None
    """Of more than TOKENIZED rows every so-manieth is counted, and the totals are scaled up"""
    statuses: Counts
    golden: int
    labels: Counts
    """Answers, if there are at most 50 different ones and they repeat"""
    languages: dict[str, Counts]
    """"prompt" and "answer" -> languages; empty before the checks have run"""
    openings: dict[str, Counts]
    """"prompt" and "answer" -> the first four words that most rows share, if at least two do"""
    shares: dict[str, Counts]
    """Column outside the example -> its values, if there are 2 to 50 different ones and they repeat"""


def describe(home: Home, dataset: Dataset, tokenizer_folder: Path | None = None) -> Statistics:
    """The figures of a dataset, from the cache if nothing changed since; tokens need a model's folder.

    ModelError if the folder has no tokenizer.
    """
    key = describe_basis(home, dataset, tokenizer_folder)
    path = home.cache(dataset.id) / ("statistics-tokens.json" if tokenizer_folder else "statistics.json")
    found = read_cached(path, key)
    if found is None:
        found = measure(home, dataset, tokenizer_folder)
        write_cached(path, key, found)
    return found


def describe_basis(home: Home, dataset: Dataset, tokenizer_folder: Path | None) -> list:
    """All that the figures depend on, to compare."""
    files = [home.cache(dataset.id) / "checks.db"]
    files += [tokenizer_folder / "tokenizer.json"] if tokenizer_folder else []
    known = [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files if file.is_file()]
    return [FORMAT, dataset.version, known]


def read_cached(path: Path, key: list) -> Statistics | None:
    """The figures in the cache if they are those of `key`."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return load(stored["statistics"]) if stored["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):  # not there, or of another version: measured again
        return None


def write_cached(path: Path, key: list, statistics: Statistics) -> None:
    """Whole and at once."""
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        draft.write_text(json.dumps({"key": key, "statistics": asdict(statistics)}), encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def load(stored: dict) -> Statistics:
    """The inverse of asdict."""
    lengths = {
        name: value and Lengths(**{**value, "bins": [Bin(**bin) for bin in value["bins"]]})
        for name, value in stored.items()
        if name in ("prompt", "answer", "prompt_tokens", "answer_tokens")
    }
    lists = {name: [tuple(pair) for pair in stored[name]] for name in ("statuses", "labels")}
    tables = {
        name: {key: [tuple(pair) for pair in pairs] for key, pairs in stored[name].items()}
        for name in ("languages", "openings", "shares")
    }
    return Statistics(**{**stored, **lengths, **lists, **tables})


def measure(
    home: Home, dataset: Dataset, tokenizer_folder: Path | None = None, row_ids: frozenset[int] | None = None
) -> Statistics:
    """The figures of the rows with these ids (None: all), in one pass."""
    roles = dataset.mapping
    tally = Tally({column: Counter() for column, role in roles.items() if role in ("ignore", "split")})
    tokens = TokenCounts(tokenizer_folder, -(-dataset.count() // TOKENIZED)) if tokenizer_folder else None
    for chunk in chunks(row for row in dataset.rows() if row_ids is None or row.id in row_ids):
        examples = [example for row in chunk if (example := tally.add_row(row, roles)) is not None]
        if tokens:
            tokens.add(examples)
    return tally.finish(tokens, read_languages(home, dataset, tally.ids))


def chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


@dataclass
class Tally:
    """What is counted while the rows go by."""

    shares: dict[str, Counter]
    ids: array = field(default_factory=lambda: array("q"))
    unreadable: int = 0
    turns: int = 0
    golden: int = 0
    prompt: array = field(default_factory=lambda: array("q"))
    answer: array = field(default_factory=lambda: array("q"))
    statuses: Counter = field(default_factory=Counter)
    labels: Counter | None = field(default_factory=Counter)
    openings: dict[str, Counter] = field(default_factory=lambda: {"prompt": Counter(), "answer": Counter()})

    def add_row(self, row: Row, roles) -> Example | None:
        """Count a row; returns its example, None if it is none."""
        self.ids.append(row.id)
        self.statuses[row.marks.status] += 1
        self.golden += row.marks.golden
        for column in list(self.shares):
            if not count_value(self.shares[column], cell_text(row.values[column])):
                del self.shares[column]
        try:
            example = to_example(row.values, roles)
        except DataError:
            self.unreadable += 1
            return None
        self.add_example(example)
        return example

    def add_example(self, example: Example) -> None:
        """Lengths, label and openings."""
        answer = example.output
        self.prompt.append(len(prompt_text(example)))
        self.answer.append(len(answer))
        self.turns = max(self.turns, len(example.turns))
        if self.labels is not None and not count_value(self.labels, answer.strip()):
            self.labels = None
        first = next((turn["content"] for turn in example.turns if turn["role"] == "user"), "")
        for side, text in (("prompt", first), ("answer", answer)):
            opening = opening_of(text)
            if opening:
                self.openings[side][opening] += 1

    def finish(self, tokens: "TokenCounts | None", languages: dict[str, Counts]) -> Statistics:
        """The figures."""
        rows = len(self.ids)
        shares = {column: largest(counter) for column, counter in self.shares.items() if is_category(counter, rows)}
        return Statistics(
            rows=rows,
            unreadable=self.unreadable,
            turns=self.turns,
            prompt=describe_lengths(self.prompt),
            answer=describe_lengths(self.answer),
            prompt_tokens=tokens and tokens.describe(tokens.prompt),
            answer_tokens=tokens and tokens.describe(tokens.answer),
            statuses=largest(self.statuses),
            golden=self.golden,
            labels=largest(self.labels) if self.labels and is_category(self.labels, rows) else [],
            languages=languages,
            openings={
                side: [(text, count) for text, count in largest(counter)[:OPENINGS] if count > 1]
                for side, counter in self.openings.items()
            },
            shares=shares,
        )


def prompt_text(example: Example) -> str:
    """All turns before the answer."""
    return "\n".join(turn["content"] for turn in example.prompt_turns)


def count_value(counter: Counter, text: str) -> bool:
    """Count a value; False, and nothing more to count, once the values are no categories."""
    counter[text] += 1
    return len(text) <= LONGEST_VALUE and len(counter) <= MOST_LABELS


def is_category(counter: Counter, rows: int) -> bool:
    """Whether values repeat enough to be told apart by: each twice on average."""
    return 2 <= len(counter) <= rows / 2


def largest(counter: Counter) -> Counts:
    """Counts, the largest first, equal ones by name."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))


def opening_of(text: str) -> str:
    """The first four words of a text, folded; empty if it has fewer."""
    words = [match.group() for match in islice(WORD.finditer(text[:200]), WORDS)]
    if len(words) < WORDS:
        return ""
    separate = any(len(word) > 1 for word in words)
    return (" " if separate else "").join(words).casefold()


class TokenCounts:
    """Tokens of every `step`-th prompt and answer, as text alone: without what a template puts around them."""

    def __init__(self, folder: Path, step: int):
        from studio.templates.tokenizer import load_tokenizer

        self.core, self.step, self.seen = load_tokenizer(folder).core, max(1, step), 0
        self.prompt, self.answer = array("q"), array("q")

    def add(self, examples: Sequence[Example]) -> None:
        """Count the tokens of those whose turn it is, on all cores."""
        chosen = [example for place, example in enumerate(examples, self.seen) if place % self.step == 0]
        self.seen += len(examples)
        sides = (self.prompt, map(prompt_text, chosen)), (self.answer, (example.output for example in chosen))
        for counts, texts in sides:
            encodings = self.core.encode_batch_fast(list(texts), add_special_tokens=False)
            counts.extend(len(encoding.ids) for encoding in encodings)

    def describe(self, counts: array) -> Lengths:
        """Their lengths, the total scaled up to all rows."""
        found = describe_lengths(counts)
        return replace(found, total=round(found.total * self.seen / max(1, len(counts))))


def read_languages(home: Home, dataset: Dataset, ids: Sequence[int]) -> dict[str, Counts]:
    """Languages of the prompts and of the answers, as the checks found them; rows added since do not count."""
    path = home.cache(dataset.id) / "checks.db"
    if not path.is_file():
        return {}
    live = set(ids)
    counters = {"prompt": Counter(), "answer": Counter()}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            for row_id, prompt, answer in db.execute("SELECT row_id, prompt, answer FROM languages"):
                for side, language in (("prompt", prompt), ("answer", answer)):
                    if language and row_id in live:
                        counters[side][language] += 1
    except sqlite3.Error:  # being written for the first time: there are no languages yet
        return {}
    return {side: largest(counter) for side, counter in counters.items()}
