"""All rows at once: what each check that compares rows with one another finds."""

import math
import statistics
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from studio.data.checks.clusters import Clusters, find_pairs, join_alike, make_fingerprint
from studio.data.checks.examine import Examined
from studio.data.checks.languages import usual_pairs
from studio.data.checks.sketches import Parts, read_sketches

if TYPE_CHECKING:
    import numpy as np

MOST_LABELS = 50
FEWEST_ROWS_PER_LABEL = 4  # on average; answers that hardly repeat are no labels
LABELLED_SHARE = 0.95
FEWEST_TO_SHARE = 8
RARE_SHARE, ENOUGH = 0.1, 5
FEWEST_FOR_LENGTHS = 50
FAR, MANY_TIMES = 3.5, 40
SMALLEST_SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that a check found. `group`: the row that stands for those it belongs together with.

    `detail` says what was found; `proposed` what should stand there, where only a look at all rows tells.
    """

    row_id: int
    group: int | None
    detail: str
    name: str
    proposed: str = ""


@dataclass
class Survey:
    """What is kept of each row until all have been seen; about 250 bytes a row."""

    ids: array = field(default_factory=lambda: array("q"))
    prompts: array = field(default_factory=lambda: array("q"))
    answers: array = field(default_factory=lambda: array("q"))
    asked: array = field(default_factory=lambda: array("q"))
    lengths: array = field(default_factory=lambda: array("l"))
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    languages: list[tuple[str, str]] = field(default_factory=list)
    sketches: bytearray = field(default_factory=bytearray)
    spoken: list[tuple[int, str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    foreign: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row_id: int, seen: Examined, discarded: bool = False) -> None:
        """Take in one row; its own faults become findings at once. Of a discarded row only the languages are kept."""
        if seen.readable:
            self.spoken.append((row_id, seen.prompt_language, seen.answer_language))
        if discarded:
            return
        self.findings += [Finding(row_id, None, detail, name) for name, detail in seen.faults]
        if not seen.readable:
            return
        if seen.foreign:
            self.foreign.append((len(self.ids), seen.foreign))
        self.ids.append(row_id)
        self.prompts.append(seen.prompt)
        self.answers.append(seen.answer)
        self.asked.append(seen.asked)
        self.lengths.extend((seen.prompt_length, seen.answer_length))
        self.labels.append(seen.label)
        self.splits.append(seen.split)
        self.languages.append((seen.prompt_language, seen.answer_language))
        self.sketches += seen.sketch


@dataclass(frozen=True)
class Outcome:
    """What a survey came to. `clusters`: row -> the lowest row of those with the same or nearly the same prompt."""

    findings: list[Finding]
    clusters: dict[int, int]


def conclude(
    survey: Survey,
    common: "np.ndarray",
    parts_of: Callable[[int], Parts],
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Compare the rows. `parts_of(row id)` reads a row's texts again, for the few that must be compared."""
    clusters = Clusters()
    findings = [*survey.findings, *find_repeats(survey, clusters)]
    findings += find_near(survey, clusters, lambda row_id: make_fingerprint(parts_of(row_id), common), stopped)
    groups = clusters.groups()
    findings += find_leaks(survey, groups)
    findings += find_foreign(survey)
    findings += find_labels(survey)
    findings += find_lengths(survey)
    return Outcome(findings, groups)


def find_repeats(survey: Survey, clusters: Clusters) -> Iterator[Finding]:
    """Later copies of rows, prompts that come again, and all rows whose prompt has several answers."""
    first: dict[tuple[int, int], int] = {}
    answers: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for row_id, prompt, answer in zip(survey.ids, survey.prompts, survey.answers, strict=True):
        copied = first.setdefault((prompt, answer), row_id)
        if copied != row_id:
            yield Finding(row_id, copied, f"the same as row {copied}", "duplicate_rows")
            clusters.join(copied, row_id)
        if prompt:
            answers[prompt].setdefault(answer, []).append(row_id)
    for given in answers.values():
        if len(given) > 1:
            rows = [row_id for ids in given.values() for row_id in ids]
            head = min(rows)
            for row_id in rows:
                clusters.join(head, row_id)
                yield Finding(row_id, head, f"one of {len(given)} answers to this prompt", "conflicting_answers")
            for ids in given.values():
                if head not in ids:
                    yield Finding(ids[0], head, f"the prompt of row {head}", "duplicate_prompts")


def find_near(survey: Survey, clusters: Clusters, fingerprint, stopped) -> Iterator[Finding]:
    """Rows that are nearly like an earlier one; of exact copies only the first is compared."""
    import numpy as np

    ids, keys = np.array(survey.ids, np.int64), np.array([survey.prompts, survey.answers], np.int64)
    prompts, rows = read_sketches(bytes(survey.sketches))
    rows_once = np.unique(keys, axis=1, return_index=True)[1]
    prompts_once = np.unique(keys[0], return_index=True)[1]
    pairs = np.concatenate([pairs_among(rows_once, rows), pairs_among(prompts_once, prompts)])
    near = Clusters()
    join_alike(near, ids[np.unique(pairs, axis=0)], fingerprint, stopped)
    for row_id, group in near.groups().items():
        clusters.join(row_id, group)
    groups = near.groups()
    for row_id, likeness in sorted(near.likenesses().items()):
        yield Finding(row_id, groups[row_id], likeness.describe(), "near_duplicates")


def pairs_among(chosen: "np.ndarray", bands: "np.ndarray") -> "np.ndarray":
    """Pairs of places among the chosen ones that share a band."""
    import numpy as np

    chosen = np.sort(chosen)
    return chosen[find_pairs(bands[chosen])]


def find_leaks(survey: Survey, groups: dict[int, int]) -> Iterator[Finding]:
    """Rows of one cluster that their own cells put into different splits."""
    named: dict[int, dict[int, str]] = defaultdict(dict)
    for row_id, split in zip(survey.ids, survey.splits, strict=True):
        if split and row_id in groups:
            named[groups[row_id]][row_id] = split
    for group, splits in named.items():
        if len(set(splits.values())) > 1:
            for row_id, split in splits.items():
                others = sorted(set(splits.values()) - {split})
                detail = f"it stands in {split}, and the same or nearly the same in {' and '.join(others)}"
                yield Finding(row_id, group, detail, "leakage")


def find_foreign(survey: Survey) -> Iterator[Finding]:
    """Rows answered in another language, unless so many are that it is meant."""
    usual = usual_pairs((survey.languages[place] for place, _ in survey.foreign), len(survey.ids))
    for place, detail in survey.foreign:
        if survey.languages[place] not in usual:
            yield Finding(survey.ids[place], None, detail, "language_mismatch")


def find_labels(survey: Survey) -> Iterator[Finding]:
    """Where answers are labels: those written in an unusual way, and those that few rows have.

    Rows that share their instruction have labels of their own; all other rows are one group.
    """
    shared = Counter(survey.asked)
    groups: dict[int, list[int]] = defaultdict(list)
    for place, key in enumerate(survey.asked):
        groups[key if shared[key] >= FEWEST_TO_SHARE else 0].append(place)
    for places in groups.values():
        yield from find_labels_among(survey, places)


def find_labels_among(survey: Survey, places: list[int]) -> Iterator[Finding]:
    written = count_labels(survey, places)
    if not written:
        return
    counts = {key: sum(ways.values()) for key, ways in written.items()}
    usual = {key: ways.most_common(1)[0][0] for key, ways in written.items()}
    top = max(counts, key=counts.__getitem__)
    few = max(2, math.ceil(RARE_SHARE * counts[top])) if counts[top] >= ENOUGH else 0
    for place in places:
        row_id, label = survey.ids[place], survey.labels[place]
        key = label_key(label)
        if label and label != usual[key]:
            detail = f"'{label}' is mostly written '{usual[key]}'"
            yield Finding(row_id, None, detail, "label_balance", usual[key])
        elif label and counts[key] < few:
            rows = f"{counts[key]:,} row{'s' * (counts[key] != 1)}"
            detail = f"only {rows} with the answer '{usual[key]}', against {counts[top]:,} with '{usual[top]}'"
            yield Finding(row_id, None, detail, "label_balance")


def count_labels(survey: Survey, places: list[int]) -> dict[str, Counter]:
    """Label as compared -> how often it is written how; empty if the answers of these rows are no labels."""
    answered = sum(survey.lengths[2 * place + 1] > 0 for place in places)
    labels = [survey.labels[place] for place in places if survey.labels[place]]
    if len(labels) < LABELLED_SHARE * answered:
        return {}
    written: dict[str, Counter] = defaultdict(Counter)
    for label in labels:
        written[label_key(label)][label] += 1
        if len(written) > MOST_LABELS:
            return {}
    return written if len(written) > 1 and len(labels) >= FEWEST_ROWS_PER_LABEL * len(written) else {}


def label_key(label: str) -> str:
    """What two spellings of one label have in common."""
    return " ".join(label.casefold().strip(" .!\"'`").split())


def find_lengths(survey: Survey) -> Iterator[Finding]:
    """Texts far longer or shorter than the others.

    Far is a modified z-score above 3.5 on a logarithmic scale (Iglewicz and Hoaglin 1993, section 3.3), or 40 times the
    median, which counts where lengths differ so much that no z-score is high.
    """
    for side, lengths in (("prompt", survey.lengths[::2]), ("answer", survey.lengths[1::2])):
        filled = [math.log(length) for length in lengths if length]
        if len(filled) < FEWEST_FOR_LENGTHS:
            continue
        middle = statistics.median(filled)
        spread = max(SMALLEST_SPREAD, statistics.median(abs(value - middle) for value in filled))
        limit = min(FAR * spread / 0.6745, math.log(MANY_TIMES))
        for row_id, length in zip(survey.ids, lengths, strict=True):
            if length and abs(math.log(length) - middle) > limit:
                counted = f"{length:,} character{'s' * (length != 1)}"
                usual = f"half of them have {round(math.exp(middle)):,} or less"
                yield Finding(row_id, None, f"the {side} has {counted}; {usual}", "outlying_length")
