"""Checks of a dataset's quality: each names the rows that it found, proposes a repair, and changes nothing unasked.

catalogue    the checks: title, why, severity, repair
examine      one row by itself; with placeholders, damage, phrases, structure, personal, keys, languages
survey       all rows together; with sketches and clusters, which find near duplicates
rows         the checks on rows at hand
background   the checks on a dataset, in a process of its own; with records, what was found out about each row
tokens       lengths in tokens
results      what the last run found
repairs      what could be done about it
"""

from studio.data.checks.catalogue import CATALOGUE, CHECKS, Check, find_check
from studio.data.checks.rows import check_rows

__all__ = ["CATALOGUE", "CHECKS", "Check", "check_rows", "find_check"]
