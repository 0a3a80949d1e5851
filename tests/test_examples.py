"""The shipped examples: each loads, is what its YAML says, and is right where a program can tell."""

import json
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from studio.data.importing import PRESETS, import_example, list_examples
from studio.data.roles.conversations import to_example, why_untrainable
from studio.data.store import open_dataset
from studio.home import open_home

NAMES = ["code", "complaints", "dirty", "entities", "questions", "science-tutor", "sentiment", "summaries"]
NAMES += ["support-chat", "translation"]
CLEAN = [name for name in NAMES if name != "dirty"]
NEAR = 0.5  # the share of their runs of three words that two rows may have in common

Row = dict[str, object]


def read_rows(name: str) -> list[Row]:
    text = (PRESETS / "examples" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def texts_in(value: object) -> Iterator[str]:
    """Every text in a value, however deep; a message's role is none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts_in([item for key, item in value.items() if key != "role"])
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def folded(value: object) -> str:
    return " ".join(unicodedata.normalize("NFKC", " ".join(texts_in(value))).casefold().split())


@pytest.fixture(scope="module")
def shipped():
    """Name -> what its YAML says."""
    return {example.name: example for example in list_examples()}


@pytest.fixture(scope="module")
def import_once(tmp_path_factory):
    """A function from an example's name to the dataset that a user gets."""
    home = open_home(tmp_path_factory.mktemp("home"))
    return cache(lambda name: open_dataset(home, import_example(home, name).dataset))


def learned_columns(name: str, shipped) -> list[str]:
    """The columns that an example is made of."""
    return [column for column, role in shipped[name].columns.items() if role not in ("ignore", "split")]


def test_these_are_shipped(shipped):
    assert sorted(shipped) == sorted(NAMES)
    files = {path.name for path in (PRESETS / "examples").iterdir()}
    assert files == {f"{name}{ending}" for name in NAMES for ending in (".yaml", ".jsonl")}
    assert all(example.licence == "Apache-2.0" for example in shipped.values())
    assert len({example.title for example in shipped.values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_yaml_tells_the_truth(name, shipped, import_once):
    rows = read_rows(name)
    assert shipped[name].rows == len(rows) == import_once(name).count() >= 60
    assert all(list(row) == list(rows[0]) for row in rows)
    assert list(shipped[name].columns) == list(rows[0]), "a role for every column, in their order"
    assert dict(import_once(name).mapping) == shipped[name].columns
    comment = (PRESETS / "examples" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert comment.startswith("# ") and "for this project (Apache-2.0)" in comment


@pytest.mark.parametrize("name", CLEAN)
def test_every_row_can_be_learned(name, import_once):
    mapping, learned = import_once(name).mapping, 0
    for row in read_rows(name):
        example = to_example(row, mapping)
        assert why_untrainable(example) is None, row
        learned += bool(example.output.strip())
    assert learned == import_once(name).count()


@pytest.mark.parametrize("name", CLEAN)
def test_no_row_stands_twice(name, shipped):
    columns = learned_columns(name, shipped)
    counts = Counter(folded([row[column] for column in columns]) for row in read_rows(name))
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("name", CLEAN)
def test_no_row_is_nearly_another(name, shipped):
    """By runs of three words in what differs between rows, so that one instruction for all does not count."""
    rows, columns = read_rows(name), learned_columns(name, shipped)
    columns = [column for column in columns if len({folded(row[column]) for row in rows}) > 3]
    runs = [runs_of_words(folded([row[column] for column in columns])) for row in rows]
    assert sum(map(len, runs)) > 5 * len(rows)
    assert [(rows[left], rows[right]) for left, right in near_pairs(runs)] == []


def runs_of_words(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return {tuple(words[start : start + 3]) for start in range(len(words) - 2)}


def near_pairs(runs: list[set]) -> list[tuple[int, int]]:
    """Pairs of rows that share more than NEAR of their runs; only pairs that share one are looked at."""
    holders = defaultdict(list)
    for index, own in enumerate(runs):
        for run in own:
            holders[run].append(index)
    shared = Counter(pair for indices in holders.values() for pair in combinations(indices, 2))
    return [
        (left, right)
        for (left, right), count in shared.items()
        if count > NEAR * (len(runs[left]) + len(runs[right]) - count)
    ]


def test_near_rows_are_seen():
    texts = ["the cat sat on the old red mat", "the cat sat on the old red rug", "a dog lay under the table"]
    assert near_pairs([runs_of_words(text) for text in texts]) == [(0, 1)]


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_clean_utf_8(name):
    """No byte order mark, no carriage return, and (but in dirty) no sign of a wrong decoding or of smart typing."""
    content = (PRESETS / "examples" / f"{name}.jsonl").read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf") and b"\r" not in content and content.endswith(b"}\n")
    if name != "dirty":
        text = "\n".join(texts_in(read_rows(name)))
        assert not re.findall("[\u0000-\u0008\u007f-\u009f\u00a0\u200b-\u200f\u2010-\u201f\u2026\ufeff\ufffd]", text)


# code

BEFORE_SHELL = """
import subprocess
from pathlib import Path
folder = Path.cwd()
def run(script, *names):
    argv = ["bash", "-c", script, "script", *names]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout
"""


def check_answer(row: Row, answer: str, folder: Path) -> str:
    """What a check says about an answer, in a process and a folder of its own: "" if it passes."""
    folder.mkdir()
    if row["language"] == "python":
        program = f"{answer}\n\n{row['check']}"
    else:
        program = f"{BEFORE_SHELL if row['language'] == 'shell' else ''}answer = {answer!r}\n{row['check']}"
    argv = [sys.executable, "-I", "-X", "utf8", "-c", program]
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return f"{row['instruction']}: took more than 30 seconds"
    return "" if done.returncode == 0 else f"{row['instruction']}: {done.stderr[-500:]}"


def check_answers(rows: list[Row], answers: list[str], folder: Path) -> list[str]:
    with ThreadPoolExecutor(4) as pool:
        places = [folder / str(number) for number in range(len(rows))]
        return list(pool.map(check_answer, rows, answers, places))


LANGUAGES = {"python": 40, "sql": 10, "regex": 8, "shell": 8}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_of_code_runs_and_is_right(language, tmp_path):
    rows = [row for row in read_rows("code") if row["language"] == language]
    assert len(rows) >= LANGUAGES[language]
    if language == "shell" and not shutil.which("bash"):
        pytest.skip("there is no bash")
    assert [said for said in check_answers(rows, [row["output"] for row in rows], tmp_path) if said] == []


def test_no_check_of_code_passes_without_an_answer(tmp_path):
    rows = read_rows("code")
    assert {row["language"] for row in rows} == set(LANGUAGES)
    passed = [row for row, said in zip(rows, check_answers(rows, [""] * len(rows), tmp_path), strict=True) if not said]
    assert passed == []


# summaries, questions, translation


def test_summaries_are_short_and_add_no_figures():
    numbers = re.compile(r"\d+(?:[.,:]\d+)*")
    found = 0
    for row in read_rows("summaries"):
        text, summary = row["text"], row["summary"]
        assert len(summary.split()) <= 0.7 * len(text.split()), summary
        assert 1 <= len(re.findall(r"[.!?](?=\s|$)", summary)) <= 3, summary
        assert set(numbers.findall(summary)) <= set(numbers.findall(text)), summary
        found += len(numbers.findall(summary))
    assert found > 60


def test_some_questions_have_no_answer_in_the_text(import_once):
    says_so = "The text does not say."
    assert import_once("questions").mapping.options.instruction.endswith(says_so)
    rows = read_rows("questions")
    unanswerable = [row for row in rows if row["answer"].startswith(says_so)]
    assert 0.1 < len(unanswerable) / len(rows) < 0.3
    assert all(row["question"].strip().endswith(("?", ".")) for row in rows)


def test_translations_have_two_sides(import_once):
    assert import_once("translation").mapping.options.direction == ("de", "en")
    sides = [row["translation"] for row in read_rows("translation")]
    assert all(list(pair) == ["de", "en"] and pair["de"].strip() and pair["en"].strip() for pair in sides)
    assert sum(bool(re.search("[äöüß]", pair["de"])) for pair in sides) > len(sides) / 2
    assert [pair for pair in sides if re.search("[äöü]", pair["en"])] == []


# sentiment, entities, science-tutor, support-chat, dirty


@pytest.mark.parametrize("name", ["sentiment", "entities"])
def test_sixty_rows_are_set_aside(name):
    rows = read_rows(name)
    splits = Counter(row["split"] for row in rows)
    assert len(rows) >= 300 and set(splits) == {"train", "test"} and splits["test"] == 60


def test_sentiments_are_balanced():
    rows = read_rows("sentiment")
    for split in ("train", "test"):
        labels = Counter(row["label"] for row in rows if row["split"] == split)
        assert set(labels) == {"positive", "negative", "neutral"}
        assert max(labels.values()) <= 1.1 * min(labels.values())


def test_tags_follow_bio():
    seen = Counter()
    for row in read_rows("entities"):
        assert len(row["tokens"]) == len(row["tags"]) > 0 and all(token.strip() for token in row["tokens"])
        before = "O"
        for tag in row["tags"]:
            assert re.fullmatch("O|[BI]-(PER|ORG|LOC|DATE)", tag), row
            assert not tag.startswith("I-") or before[2:] == tag[2:], row
            before = tag
            seen[tag] += 1
    assert all(seen[f"B-{kind}"] >= 60 for kind in ("PER", "ORG", "LOC", "DATE"))


def test_the_tutor_explains_the_sky_at_length():
    answers = {row["question"]: row["answer"] for row in read_rows("science-tutor")}
    assert "scatter" in answers["Why is the sky blue?"]
    assert all(80 <= len(answer.split()) <= 180 for answer in answers.values())


def test_support_takes_turns():
    prompted = 0
    for row in read_rows("support-chat"):
        roles = [turn["role"] for turn in row["messages"]]
        prompted += roles[0] == "system"
        roles = roles[roles[0] == "system" :]
        assert len(roles) >= 4 and roles == ["user", "assistant"] * (len(roles) // 2)
    assert 10 < prompted < 60


FAULTS = {"empty_answer", "empty_prompt", "placeholder_input", "placeholder_output", "duplicate_rows"}
FAULTS |= {"duplicate_prompts", "near_duplicates", "conflicting_answers", "leakage", "too_long", "language_mismatch"}
FAULTS |= {"personal_data", "secrets", "encoding", "boilerplate", "structure", "label_balance", "outlying_length"}
FAULTS |= {"special_tokens"}


def test_dirty_has_every_fault_and_names_it():
    rows = read_rows("dirty")
    planted = Counter(row["planted"] for row in rows)
    assert set(planted) == FAULTS | {"clean"} and planted["clean"] >= 20
    for row in rows:
        assert (not (row["output"] or "").strip()) == (row["planted"] == "empty_answer"), row
        assert (row["instruction"] or "").strip() or row["planted"] == "empty_prompt", row
