"""The rows that bench/data.py measures with, and what it makes of the answers."""

import json
from statistics import median

from bench.data import is_together, summarize
from bench.data_rows import make_rows, write_file


def grams(text):
    return {text[start : start + 5] for start in range(len(text) - 4)}


def test_made_rows_are_what_the_figures_say(tmp_path):
    planted, length = write_file(tmp_path / "rows.json", 4000)
    rows = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    prompts = [row["instruction"] for row in rows]
    assert len(rows) == len(set(prompts)) == 4000
    assert length == median(sum(map(len, row.values())) for row in rows) >= 300
    assert any("数据" in row["output"] for row in rows)
    assert 0.015 < len(planted) / len(rows) < 0.025
    alike = [(grams(prompts[copy.original]), grams(prompts[copy.copy])) for copy in planted]
    assert min(len(one & other) / len(one | other) for one, other in alike) > 0.78
    assert [row for row, _ in make_rows(100)] == rows[:100]


def test_figures():
    assert summarize("x", [0.001] * 94 + [0.2] * 6, 0.15) == ["x", "1.0 ms", "200.0 ms", "at most 150 ms: MISSED"]
    assert is_together({3: 3, 7: 3, 8: 8}, 3, 7)
    assert not is_together({3: 3, 7: 3, 8: 8}, 7, 8)
    assert not is_together({3: 3}, 1, 2)
