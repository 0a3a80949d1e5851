"""Roles: a mapping of columns with the options that reading needs, kept with the dataset."""

import json

import pytest

from studio.data.formats.labels import propose_instruction
from studio.data.roles import ROLES, Options, Roles, check_roles, load_roles, read_options
from studio.data.roles.languages import find_language, language_name
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError
from studio.home import open_home

PLAIN = {"text": "input", "label": "label"}
NAMED = Roles(PLAIN).change(labels={"label": {"0": "bad", "1": "good"}}, instruction="Good or bad?")


def test_roles_are_a_mapping_and_equal_to_a_dict():
    roles = Roles(PLAIN)
    plain = dict(PLAIN)
    assert roles == plain and plain == roles and dict(roles) == plain
    assert (len(roles), list(roles), roles["label"], roles.get("x")) == (2, ["text", "label"], "label", None)
    assert NAMED == PLAIN and roles != NAMED
    assert roles != {"text": "input"} and roles != "text"
    assert roles.change({"label": "output"}) == {"text": "input", "label": "output"}
    assert roles == PLAIN, "change leaves the original as it was"
    assert Roles({"a": "input", "b": "output", "c": "input"}).having("input") == ("a", "c")


def test_roles_are_stored_as_json_and_plain_ones_as_before():
    assert Roles(PLAIN).to_json() == PLAIN
    full = NAMED.change(direction=("de", "en"), first_choice=1, several=("answer",))
    stored = json.loads(json.dumps(full.to_json()))
    assert load_roles(stored) == full
    assert load_roles(PLAIN) == Roles(PLAIN)
    odd = {"roles": "output", "options": "input"}  # columns may be called anything
    assert load_roles(Roles(odd).to_json()) == Roles(odd)
    with_options = Roles(odd, Options(instruction="x"))
    assert load_roles(with_options.to_json()) == with_options


def test_options_from_a_file():
    options = read_options({"labels": {"label": ["bad", "good"], "mood": {-1: "unsure", 2.0: "glad", True: "yes"}}})
    assert options.labels == {"label": {"0": "bad", "1": "good"}, "mood": {"-1": "unsure", "2": "glad", "true": "yes"}}
    assert read_options({"direction": ["de", "en"]}).direction == ("de", "en")
    assert read_options({}) == Options()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label": {}}, "The options of a dataset's roles are labels, instruction, direction, first_choice, several"),
        ([], "The options of a dataset's roles are"),
        ({"direction": ["de"]}, "a list of two languages"),
        ({"direction": "de"}, "a list of two languages"),
        ({"instruction": 7}, "`instruction` is a text"),
        ({"first_choice": 2}, "`first_choice` 0 or 1"),
        ({"several": "answer"}, "`several` a list of columns"),
        ({"labels": ["good"]}, "`labels` names the labels of each column"),
        ({"labels": {"label": ["good", ""]}}, "The labels of 'label' must each have a name"),
        ({"labels": {"label": "good"}}, "The labels of 'label' must each have a name"),
    ],
)
def test_options_that_cannot_be(given, message):
    with pytest.raises(DataError, match=message):
        read_options(given)


def test_roles_are_checked():
    check_roles(["text", "label"], PLAIN)
    with pytest.raises(DataError, match=r"There is no column 'label'\. The columns are 'text'\."):
        check_roles(["text"], PLAIN)
    with pytest.raises(DataError, match=r"There is no role 'answer'\. The roles are instruction, input, output"):
        check_roles(["text"], {"text": "answer"})
    assert len(ROLES) == 12


def test_a_dataset_keeps_the_options(tmp_path):
    home = open_home(tmp_path)
    rows = [{"text": "x", "label": 1}]
    dataset = open_dataset(home, create_dataset(home, "d", ["text", "label"], rows, NAMED, {}))
    assert dataset.mapping == NAMED
    dataset.set_mapping({**dataset.mapping, "text": "instruction"})
    assert dataset.mapping == NAMED.change({"text": "instruction"}), "a plain mapping leaves the options"
    dataset.set_mapping(Roles(PLAIN))
    assert dataset.mapping == Roles(PLAIN), "Roles bring their own"
    assert dataset.undo() == "Undid the new roles of the columns."
    assert dataset.mapping == NAMED.change({"text": "instruction"})
    with pytest.raises(DataError, match="There is no role 'answer'"):
        dataset.set_mapping({"text": "answer"})


def test_instructions_tell_the_labels_that_have_names():
    assert propose_instruction(NAMED.change(instruction=""), {"label": ["0", "1", "-1"]}) == (
        "Classify this text. Answer with one of: bad, good."
    )
    unnamed = "Classify this text and answer with its label alone."
    assert propose_instruction(Roles(PLAIN), {"label": ["0", "1"]}) == unnamed
    assert propose_instruction(Roles(PLAIN), {"label": [str(n) + "x" for n in range(21)]}) == unnamed
    assert propose_instruction(Roles({"text": "output"}), {}) == ""
    tagged = Roles({"tokens": "tokens", "tags": "tags"})
    assert propose_instruction(tagged, {"tags": ["0", "1"]}) == (
        "List the named entities in this text, one on each line, as TYPE: entity."
    )


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("de", "German"),
        ("PT-br", "Portuguese"),
        ("eng_Latn", "English"),
        ("zh_CN", "Chinese"),
        ("French", "French"),
        ("text", None),
        ("de_output_text", None),
        ("", None),
    ],
)
def test_languages_by_name(name, language):
    assert find_language(name) == language
    assert language_name(name) == (language or name)
