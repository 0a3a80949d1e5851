"""The shipped first run: its rows are what the README says, and no test prompt is nearly a training prompt."""

import json
import re
from collections import Counter

import pytest

from studio.data.importing import import_example
from studio.data.store import open_dataset
from studio.home import open_home
from studio.recipes import list_recipes, load_recipe
from studio.runs.snapshot import take_snapshot

KEYS = {"issue": {"late", "damaged", "wrong", "missing"}, "wants": {"refund", "replacement", "answer"}}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """The first run's examples by split, as a user's run would have them."""
    recipe, example = load_recipe("first-run")
    home = open_home(tmp_path_factory.mktemp("home"))
    dataset = open_dataset(home, import_example(home, example).dataset)
    snapshot = take_snapshot(home, dataset, recipe)
    assert not snapshot.left_out
    return {name: [example for _, example in rows] for name, rows in snapshot.splits.items()}


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def prompt(example) -> str:
    return example.turns[-2]["content"]


def test_there_are_rows_enough(splits):
    counts = {name: len(examples) for name, examples in splits.items()}
    assert sum(counts.values()) >= 240
    assert counts["test"] >= 60 and counts["train"] >= 240 and counts["eval"] >= 10


def test_no_test_prompt_is_nearly_a_training_prompt(splits):
    training = [grams(prompt(example)) for example in splits["train"]]
    nearest = 0.0
    for example in splits["test"]:
        own = grams(prompt(example))
        nearest = max(nearest, *(len(own & other) / len(own | other) for other in training))
    assert 0 < nearest <= 0.5


def test_the_prompt_states_the_schema_and_every_answer_keeps_it(splits):
    for example in [example for examples in splits.values() for example in examples]:
        for word in ("order", "null", *sorted(KEYS["issue"] | KEYS["wants"])):
            assert word in example.instruction
        answer = json.loads(example.output)
        assert list(answer) == ["order", "issue", "wants"] and example.output == json.dumps(answer)
        assert answer["issue"] in KEYS["issue"] and answer["wants"] in KEYS["wants"]
        assert answer["order"] is None or answer["order"] in example.input


def test_no_label_can_be_guessed(splits):
    answers = [json.loads(example.output) for examples in splits.values() for example in examples]
    for key, values in KEYS.items():
        counts = Counter(answer[key] for answer in answers)
        assert set(counts) == values and max(counts.values()) / len(answers) < 1.2 / len(values)


def test_every_shipped_recipe_loads_and_names_a_shipped_dataset():
    assert list_recipes() == ["first-run"]
    recipe, dataset = load_recipe("first-run")
    assert dataset == "complaints" and recipe.model.name == "HuggingFaceTB/SmolLM2-135M-Instruct"
