"""Near duplicates: what is alike is found in any language, and what only shares a phrase or a context is not."""

import random

import numpy as np
import pytest

from studio.data.checks.clusters import CROWD, Clusters, compare, find_pairs, make_fingerprint
from studio.data.checks.rows import survey_rows
from studio.data.checks.sketches import BANDS, SKETCH_BYTES, find_common, own_grams, read_sketches, sketch, take_parts
from studio.data.store.tables import Row
from studio.templates.example import from_fields

NOTHING = np.zeros(0, np.uint32)
ALPACA = {"instruction": "instruction", "input": "input", "output": "output"}


def write_text(maker: random.Random, words: int) -> str:
    """A text of made-up words."""
    syllables = ("ba", "ter", "ing", "con", "de", "pro", "li", "sta", "men", "tion", "al", "ou", "ke", "ri", "so", "fe")
    return " ".join("".join(maker.choices(syllables, k=maker.randint(1, 4))) for _ in range(words))


def change_words(maker: random.Random, text: str, count: int) -> str:
    words = text.split()
    for place in maker.sample(range(len(words)), count):
        words[place] = write_text(maker, 1)
    return " ".join(words)


def near(triples):
    rows = [Row(number, dict(zip(ALPACA, triple, strict=True)), 0) for number, triple in enumerate(triples, 1)]
    return survey_rows(rows, ALPACA)


def found_rows(triples):
    return [finding.row_id for finding in near(triples).findings if finding.name == "near_duplicates"]


def fingerprint(instruction, input="", output=""):
    return make_fingerprint(take_parts(from_fields(instruction, input, output)), NOTHING)


def test_planted_near_duplicates_are_found_and_nothing_else():
    """Recall of at least 95 % at two changed words among fifty, and no row that was not planted."""
    maker = random.Random(7)
    rows = [(write_text(maker, 12), "", write_text(maker, 45)) for _ in range(600)]
    planted = {}
    for source in range(0, 400, 2):
        asked, _, answer = rows[source]
        rows.append((change_words(maker, asked, 1), "", change_words(maker, answer, 1)))
        planted[len(rows)] = source + 1
    outcome = near(rows)
    found = {finding.row_id: finding for finding in outcome.findings if finding.name == "near_duplicates"}
    hits = [row_id for row_id, source in planted.items() if row_id in found and found[row_id].group == source]
    assert len(hits) >= 0.95 * len(planted)
    assert set(found) <= set(planted) | set(planted.values())
    assert all(outcome.clusters[row_id] == planted[row_id] for row_id in hits)
    assert found[hits[0]].detail.endswith(f" % like row {planted[hits[0]]}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("请用三句话介绍一下中国的长城以及它的历史和意义", "请用三句话介绍一下中国的长城以及它的历史和意义。"),
        ("フランスの首都はどこですか、教えてください", "フランスの首都はどこですか、教えてください！"),
        ("Wie lange dauert die Reise von Berlin nach Wien?", "wie lange  dauert die Reise von Berlin nach Wien"),
    ],
)
def test_languages_without_spaces_are_compared_too(one, other):
    assert found_rows([(one, "", "x"), ("Something else is asked here", "", "y"), (other, "", "z")]) == [1, 3]


def test_questions_about_the_same_context_are_no_duplicates():
    context = write_text(random.Random(1), 80)
    rows = [("Who built the bridge?", context, "Ada"), ("When does the market open?", context, "At nine")]
    assert found_rows(rows) == []
    assert found_rows([*rows, ("Who built the bridge??", context + " more", "Ada")]) == [1, 3]


def test_a_common_instruction_makes_no_duplicates():
    """Whether it stands in a column of its own or before each text."""
    maker = random.Random(3)
    asked = "Classify the mood of the following review as positive, negative or neutral, in one word: "
    texts = [write_text(maker, 7) for _ in range(250)]
    assert found_rows([(asked, text, "positive") for text in texts]) == []
    joined = [(asked + text, "", "positive") for text in texts]
    assert found_rows(joined) == []
    assert found_rows([*joined, (asked + texts[4] + "!", "", "positive")]) == [5, 251]
    common = find_common(take_parts(from_fields(*row[:2], row[2])) for row in joined)
    assert len(common) > 40
    assert len(own_grams(take_parts(from_fields(asked)).prompt, common)) == 0


def test_labels_do_not_make_rows_alike():
    assert found_rows([("text 1", "", "negative"), ("text 11", "", "negative")]) == []


def test_equal_prompts_are_another_checks():
    assert compare(fingerprint("Name a colour", "", "red"), fingerprint("Name a colour", "", "blue")) is None
    maker = random.Random(2)
    long, other = write_text(maker, 40), write_text(maker, 40)
    assert compare(fingerprint("Name it", "", long), fingerprint("Name it", "", long + " so"))[1] == "row"
    asked = "Tell me all about the sea"
    similarity, of = compare(fingerprint(asked, "", long), fingerprint(asked + "!", "", other))
    assert of == "prompt" and 0.8 <= similarity < 1


def test_a_sketch_has_one_size_and_empty_texts_meet_nobody():
    empty = sketch(take_parts(from_fields("", "", "")), NOTHING)
    assert len(empty) == SKETCH_BYTES and not any(empty)
    prompts, rows = read_sketches([empty, empty, sketch(take_parts(from_fields("a", "", "b")), NOTHING)])
    assert prompts.shape == rows.shape == (3, BANDS)
    assert find_pairs(rows).tolist() == []


def test_a_crowd_is_joined_without_comparing_everybody():
    crowd = np.full((3 * CROWD, BANDS), 9, np.uint32)
    pairs = find_pairs(crowd)
    assert len(pairs) < 10 * len(crowd)
    clusters = Clusters()
    for one, other in pairs.tolist():
        clusters.join(one, other, (0.9, "row"))
    assert set(clusters.groups().values()) == {0}
    assert set(clusters.likenesses()) == set(range(3 * CROWD))


def test_pairs_are_those_that_share_a_band():
    bands = np.arange(4 * BANDS, dtype=np.uint32).reshape(4, BANDS) + 1
    bands[3, 5] = bands[1, 5]
    assert find_pairs(bands).tolist() == [[1, 3]]


def test_clusters_are_known_by_their_lowest_member():
    clusters = Clusters()
    assert clusters.join(7, 5) and clusters.join(9, 7) and clusters.join(1, 2)
    assert not clusters.join(5, 9)
    assert clusters.groups() == {1: 1, 2: 1, 5: 5, 7: 5, 9: 5}
