"""The checks on rows at hand, such as those of a file: nothing is stored, and no tokenizer is asked."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from studio.data.checks.catalogue import CHECKS
from studio.data.roles.conversations import check_mapping, to_example
from studio.data.store.tables import Row
from studio.errors import DataError

if TYPE_CHECKING:
    from studio.data.checks.sketches import Parts
    from studio.data.checks.survey import Outcome

NEED_A_TOKENIZER = ("too_long",)


def check_rows(rows: Iterable[Row], mapping: Mapping[str, str]) -> dict[str, list[int]]:
    """The ids of the rows that each check finds; rows that belong together stand together.

    All of CHECKS are there but those that need a tokenizer. Of equal rows the later ones are found, of nearly equal
    and of contradicting ones all. Discarded rows count as if they were not there. DataError if no column is the answer.
    """
    outcome = survey_rows(list(rows), mapping)
    found: dict[str, list[int]] = {name: [] for name in CHECKS if name not in NEED_A_TOKENIZER}
    for finding in outcome.findings:
        found[finding.name].append(finding.row_id)
    return found


def survey_rows(rows: list[Row], mapping: Mapping[str, str]) -> "Outcome":
    """All findings in detail."""
    from studio.data.checks.examine import examine
    from studio.data.checks.sketches import MOST_SAMPLES, find_common
    from studio.data.checks.survey import Survey, conclude

    check_mapping(list(mapping), mapping)
    step = max(1, len(rows) // MOST_SAMPLES)
    common = find_common(parts for row in rows[::step] if (parts := read_parts(row.values, mapping)))
    survey = Survey()
    for row in rows:
        survey.add(row.id, examine(row.values, mapping, common), row.marks.status == "discarded")
    values = {row.id: row.values for row in rows}
    return conclude(survey, common, lambda row_id: read_parts(values[row_id], mapping))


def read_parts(values: Mapping[str, object], mapping: Mapping[str, str]) -> "Parts | None":
    """What is compared of a row; None if it cannot be read."""
    from studio.data.checks.sketches import take_parts

    try:
        return take_parts(to_example(values, mapping))
    except DataError:
        return None
