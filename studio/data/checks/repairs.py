"""What could be done about the rows that a check found: first proposed, then, if asked, done as one undoable change."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from studio.data.checks.catalogue import find_check
from studio.data.checks.damage import repair_damage
from studio.data.checks.examine import read_split
from studio.data.checks.keys import find_secrets
from studio.data.checks.personal import find_personal
from studio.data.checks.phrases import cut_opening
from studio.data.checks.placeholders import is_placeholder
from studio.data.checks.results import open_results, read_findings
from studio.data.checks.spots import mask_spots
from studio.data.checks.structure import close_fence, remove_special
from studio.data.checks.survey import Finding, label_key
from studio.data.roles.conversations import cell_text
from studio.data.store.changes import merge_marks
from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row
from studio.errors import DataError
from studio.home import Home

EDIT, DELETE, MARK = "edit", "delete", "mark"
DRAFT = "draft"
# Roles whose cells hold text to learn; the others hold names and numbers that stand for something.
LABEL_ROLES = frozenset({"output", "label"})
TEXT_ROLES = frozenset({"instruction", "input", "output", "system", "messages", "choices", "translation"})
# Keys of a turn that say who speaks.
SPEAKERS = frozenset({"role", "from", "name"})
SPLIT_ORDER = ("test", "eval", "train")
EVERYTHING = 1_000_000_000

Fix = Callable[[str], str]


@dataclass(frozen=True)
class Proposal:
    """One thing to do to one row. `action`: "edit" (a cell), "delete" or "mark".

    `column`, `before` and `after` belong to an edit and a mark, whose column is "status" or another field of Marks;
    `version` to a deletion: the row's when it was proposed.
    """

    row_id: int
    action: str
    column: str = ""
    before: object = None
    after: object = None
    why: str = ""
    version: int | None = field(default=None, compare=False)


def propose(home: Home, dataset: Dataset, name: str, row_ids: Iterable[int] | None = None) -> list[Proposal]:
    """What could be done about what a check found, in all rows or in these; nothing is changed.

    Empty where only a person can choose (conflicting answers: see `propose_choice`). DataError for an unknown check.
    """
    found = read_findings(home, dataset, name, 0, EVERYTHING)
    chosen = None if row_ids is None else set(row_ids)
    wanted = [finding for finding in found if chosen is None or finding.row_id in chosen]
    if name in ("duplicate_rows", "near_duplicates"):
        return list(thin_out(dataset, wanted))
    if name == "leakage":
        return list(move_together(dataset, found, {finding.row_id for finding in wanted}))
    rows = {row.id: row for row in dataset.rows_by_id([finding.row_id for finding in wanted])}
    repair = Repair(dataset.mapping, read_languages(home, dataset, rows) if name == "personal_data" else {})
    there = [finding for finding in wanted if finding.row_id in rows]
    return [proposal for finding in there for proposal in repair.of(name, rows[finding.row_id], finding)]


@dataclass(frozen=True)
class Repair:
    """Repairs of rows by themselves. `languages`: row -> (language of the prompt, of the answer)."""

    mapping: Mapping[str, str]
    languages: Mapping[int, tuple[str, str]]

    def of(self, name: str, row: Row, finding: Finding) -> Iterator[Proposal]:
        """What could be done about one finding."""
        if name in ("unreadable", "empty_answer", "empty_prompt", "placeholder_output"):
            yield delete(row, finding.detail)
        elif name == "placeholder_input":
            yield from self.edit(row, finding, lambda text: "" if is_placeholder(text, "input") else text, {"input"})
        elif name == "label_balance":
            usual, key = finding.proposed, label_key(finding.proposed)
            yield from self.edit(row, finding, lambda text: usual if label_key(text) == key else text, LABEL_ROLES)
        elif name == "structure":
            yield from self.mend_structure(row, finding)
        elif name == "boilerplate":
            yield from self.mend_opening(row, finding)
        elif name == "too_long":
            lost = finding.detail.endswith("nothing of the answer is left")
            yield from [delete(row, finding.detail)] if lost else set_aside(row, finding)
        elif name in ("language_mismatch", "outlying_length"):
            yield from set_aside(row, finding)
        else:
            yield from self.mend_text(name, row, finding)

    def mend_text(self, name: str, row: Row, finding: Finding) -> Iterator[Proposal]:
        """Repairs of characters, wherever they stand; what cannot be restored is for a person to read."""
        language = next(filter(None, self.languages.get(row.id, ())), "")
        fixes: dict[str, Fix] = {
            "personal_data": lambda text: mask_spots(text, find_personal(text, language)),
            "secrets": lambda text: mask_spots(text, find_secrets(text)),
            "encoding": repair_damage,
            "special_tokens": lambda text: remove_special(text, tokens_named(finding.detail)),
        }
        if name in fixes:
            edits = list(self.edit(row, finding, fixes[name], TEXT_ROLES))
            yield from edits or set_aside(row, finding)

    def mend_structure(self, row: Row, finding: Finding) -> Iterator[Proposal]:
        if "repeats the prompt" in finding.detail:
            yield delete(row, finding.detail)
            return
        edits = list(self.edit(row, finding, close_fence, TEXT_ROLES))
        yield from edits or set_aside(row, finding)

    def mend_opening(self, row: Row, finding: Finding) -> Iterator[Proposal]:
        """An opening cut off the answer: of a conversation, off its last turn."""
        for column, role in self.mapping.items():
            before = row.values.get(column)
            after = before
            if role == "output" and isinstance(before, str):
                after = cut_opening(before)
            elif role == "messages" and isinstance(before, list) and before:
                after = [*before[:-1], map_texts(before[-1], cut_opening)]
            if after != before:
                yield Proposal(row.id, EDIT, column, before, after, finding.detail)
                return
        yield from set_aside(row, finding)

    def edit(self, row: Row, finding: Finding, fix: Fix, roles: Iterable[str]) -> Iterator[Proposal]:
        """The cells of these roles in which `fix` changes a text."""
        for column, role in self.mapping.items():
            before = row.values.get(column)
            after = map_texts(before, fix) if role in roles else before
            if after != before:
                yield Proposal(row.id, EDIT, column, before, after, finding.detail)


def delete(row: Row, why: str) -> Proposal:
    """The row to the trash, unless its cells change before that."""
    return Proposal(row.id, DELETE, why=why, version=row.version)


def set_aside(row: Row, finding: Finding) -> list[Proposal]:
    """The row made a draft until somebody has read it, unless it is out of training already."""
    if row.marks.status in (DRAFT, "discarded"):
        return []
    return [Proposal(row.id, MARK, "status", row.marks.status, DRAFT, finding.detail)]


def map_texts(value: object, fix: Fix) -> object:
    """A cell with `fix` applied to its texts; who speaks in a conversation is left alone."""
    if isinstance(value, str):
        return fix(value)
    if isinstance(value, list):
        return [map_texts(item, fix) for item in value]
    if isinstance(value, dict):
        return {key: item if key in SPEAKERS else map_texts(item, fix) for key, item in value.items()}
    return value


def tokens_named(detail: str) -> frozenset[str]:
    """The special tokens of a model that a finding names."""
    named, _, ours = detail.rpartition(" (a special token")
    return frozenset(named.split(", ")) if ours and named else frozenset()


def thin_out(dataset: Dataset, findings: list[Finding]) -> Iterator[Proposal]:
    """Of each group one row stays: a golden one, else an accepted one, else the first. No golden row is deleted."""
    groups: dict[int, dict[int, Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.group, {})[finding.row_id] = finding
    known = {row.id: row for row in dataset.rows_by_id(list({*groups, *(found.row_id for found in findings)}))}
    for group, found in groups.items():
        rows = [known[row_id] for row_id in sorted({group, *found}) if row_id in known]
        if len(rows) < 2:  # the others went in this moment
            continue
        kept = min(rows, key=lambda row: (not row.marks.golden, row.marks.status != "accepted", row.id))
        for row in rows:
            if row is not kept and not row.marks.golden:
                detail = found[row.id].detail if row.id in found else f"the same as row {kept.id}"
                yield delete(row, detail)


def move_together(dataset: Dataset, findings: list[Finding], wanted: set[int]) -> Iterator[Proposal]:
    """Rows of one group into the split that is held out most: what is tested is not trained."""
    mapping = dataset.mapping
    column = next((column for column, role in mapping.items() if role == "split"), "")
    groups: dict[int, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.group, []).append(finding)
    split = dataset.rows_by_id(list({finding.row_id for finding in findings}))
    known = {row.id: row for row in split if read_split(row.values, mapping)}
    for found in groups.values():
        details = {finding.row_id: finding.detail for finding in found}
        rows = [known[row_id] for row_id in details if row_id in known]
        held = min(rows, key=lambda row: SPLIT_ORDER.index(read_split(row.values, mapping)), default=None)
        for row in rows:
            if row.id in wanted and read_split(row.values, mapping) != read_split(held.values, mapping):
                yield Proposal(row.id, EDIT, column, row.values[column], held.values[column], details[row.id])


def propose_choice(dataset: Dataset, kept: int, others: Iterable[int]) -> list[Proposal]:
    """Of rows that contradict each other one is kept. DataError if it is gone."""
    dataset.row(kept)
    why = f"row {kept} was kept"
    return [delete(row, why) for row in dataset.rows_by_id(list(others)) if row.id != kept]


def propose_merge(dataset: Dataset, row_ids: Sequence[int], answer: str | None = None) -> list[Proposal]:
    """One row of several that contradict each other: the first, with this answer or all of theirs in paragraphs.

    DataError if a row is gone, or the answer is not a text in one column, as in a conversation: choose one then.
    """
    rows = [dataset.row(row_id) for row_id in dict.fromkeys(row_ids)]
    columns = [column for column, role in dataset.mapping.items() if role == "output"]
    if len(rows) < 2 or len(columns) != 1:
        raise DataError(
            "These rows cannot be merged: merging takes two rows or more whose answer stands in one column. "
            "Keep one of them instead."
        )
    [column] = columns
    texts = dict.fromkeys(cell_text(row.values[column]).strip() for row in rows)
    merged = "\n\n".join(filter(None, texts)) if answer is None else answer
    first = rows[0]
    why = f"merged from rows {', '.join(str(row.id) for row in rows)}"
    edit = Proposal(first.id, EDIT, column, first.values[column], merged, why)
    before, after = asdict(first.marks), asdict(merge_marks([row.marks for row in rows]))
    marks = [Proposal(first.id, MARK, key, before[key], after[key], why) for key in after if before[key] != after[key]]
    return [edit, *marks, *propose_choice(dataset, first.id, [row.id for row in rows[1:]])]


def apply(dataset: Dataset, proposals: Sequence[Proposal], name: str = "") -> int:
    """Do what was proposed, as one change that undo takes back; returns how many rows it touched.

    A row that has become another since is passed over. `name`: the check, for the sentence of the change.
    """
    rows = {row.id: row for row in dataset.rows_by_id(list({proposal.row_id for proposal in proposals}))}
    edits: dict[int, dict[str, object]] = {}
    deletes: set[int] = set()
    marks = {}
    for proposal in proposals:
        row = rows.get(proposal.row_id)
        if row is None:
            continue
        if proposal.action == DELETE and proposal.version in (None, row.version):
            deletes.add(row.id)
        elif proposal.action == MARK and getattr(row.marks, proposal.column) == proposal.before:
            marks[row.id] = replace(marks.get(row.id, row.marks), **{proposal.column: proposal.after})
        elif proposal.action == EDIT and row.values.get(proposal.column) == proposal.before:
            edits.setdefault(row.id, {}).setdefault(proposal.column, proposal.after)
    touched = len(deletes | set(edits) | set(marks))
    counted = f"{touched:,} row{'s' * (touched != 1)}"
    title = f" ({find_check(name).title})" if name else ""
    return dataset.change_rows(edits, deletes, marks, f"the repair of {counted}{title}")


def read_languages(home: Home, dataset: Dataset, row_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Row -> the languages of its prompt and its answer, as of the last run."""
    query = "SELECT row_id, prompt, answer FROM languages WHERE row_id IN (SELECT value FROM json_each(?))"
    with open_results(home, dataset) as db:
        found = db.execute(query, [json.dumps(list(row_ids))]) if db else ()
        return {row_id: (prompt, answer) for row_id, prompt, answer in found}
