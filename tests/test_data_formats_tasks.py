"""What a row teaches, for each kind of task: choices, readings, labels, entities, translations, transcripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.data.formats import detect
from studio.data.roles import ROLES, Options, Roles
from studio.data.roles.conversations import to_example, why_untrainable
from studio.errors import DataError

PLANETS = ["Mercury", "Venus", "Mars"]
TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
CHOICE = Roles({"question": "instruction", "choices": "choices", "answer": "output"})


@pytest.mark.parametrize(
    ("answer", "choices", "expected"),
    [
        ("b", PLANETS, "B. Venus"),
        ("(C)", PLANETS, "C. Mars"),
        ("Venus", PLANETS, "B. Venus"),
        ("B. Venus", PLANETS, "B. Venus"),
        (2, PLANETS, "C. Mars"),
        ("2", ["4", "2", "8"], "B. 2"),
        (0, [2, 4], "A. 2"),
        ("A", ["A. Mercury", "B. Venus"], "A. Mercury"),
        (1, '["Mercury", "Venus"]', "B. Venus"),
        ("B", {"A": "Mercury", "B": "Venus"}, "B. Venus"),
        ("y", [{"label": "x", "text": "Mercury"}, {"label": "y", "text": "Venus"}], "B. Venus"),
    ],
)
def test_ways_to_tell_the_right_choice(answer, choices, expected):
    assert to_example({"question": "q", "choices": choices, "answer": answer}, CHOICE).output == expected


@pytest.mark.parametrize(
    ("answer", "choices", "message"),
    [
        ("E", PLANETS, "The answer 'E' is none of the 3 choices"),
        (3, PLANETS, "The answer '3' is none of the 3 choices"),
        ("Pluto", PLANETS, "The answer 'Pluto' is none of the 3 choices"),
        ("A", "Mercury or Venus", "The choices must be a list of texts"),
        ("A", [[1]], "The choices must be a list of texts"),
    ],
)
def test_choices_that_cannot_be_read(answer, choices, message):
    with pytest.raises(DataError, match=message):
        to_example({"question": "q", "choices": choices, "answer": answer}, CHOICE)


def test_questions_without_an_answer_teach_nothing():
    for answer, reason in ((None, "the answer is empty"), (-1, "the answer is -1, which stands for no answer")):
        example = to_example({"question": "q", "choices": PLANETS, "answer": answer}, CHOICE)
        assert why_untrainable(example) == reason


def test_unanswerable_questions_have_a_fixed_answer():
    row = {"question": "Who?", "answers": {"text": [], "answer_start": []}}
    roles = {"question": "instruction", "answers": "output"}
    assert to_example(row, roles).output == "The text does not say."
    assert to_example({**row, "answers": '{"text": ["Ann"], "answer_start": [3]}'}, roles).output == "Ann"
    assert to_example({**row, "answers": ["x", "y"]}, roles).output == '["x", "y"]'


LABELLED = Roles({"text": "input", "label": "label"}).change(
    labels={"label": {"0": "bad", "1": "good", "-1": "unsure"}}, instruction="How is it?"
)


@pytest.mark.parametrize(
    ("label", "expected"),
    [(0, "bad"), (1.0, "good"), ("1", "good"), (-1, "unsure"), (7, "7"), (False, "false"), ([0, 1], "bad, good")],
)
def test_labels_by_their_names(label, expected):
    example = to_example({"text": "x", "label": label}, LABELLED)
    assert (example.instruction, example.input, example.output) == ("How is it?", "x", expected)


def test_several_labels_stand_under_their_names():
    roles = Roles({"text": "input", "user_mood": "label", "topic": "label"})
    assert to_example({"text": "x", "user_mood": "glad", "topic": "sea"}, roles).output == "User mood: glad\nTopic: sea"


TAGGED = Roles({"tokens": "tokens", "tags": "tags"})


@pytest.mark.parametrize(
    ("tokens", "tags", "expected"),
    [
        ("Ann met Bo Li", "B-PER O B-PER I-PER", "PER: Ann\nPER: Bo Li"),
        ("Ann Bo", "B-PER B-PER", "PER: Ann\nPER: Bo"),
        ("Ann Bo", "I-PER I-PER", "PER: Ann Bo"),
        ("Ann Bo", "PER PER", "PER: Ann Bo"),
        ("Bo Li Oslo", "B-PER E-PER S-LOC", "PER: Bo Li\nLOC: Oslo"),
        ("Bonn Acme", "I-LOC I-ORG", "LOC: Bonn\nORG: Acme"),
        ("It rains", "O O", "No entities."),
    ],
)
def test_entities_from_tags(tokens, tags, expected):
    assert to_example({"tokens": tokens.split(), "tags": tags.split()}, TAGGED).output == expected
    assert to_example({"tokens": tokens, "tags": tags}, TAGGED).output == expected


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["He", "said", ",", '"', "Do", "n't", "(", "ever", ")", "!", '"', "to", "Jo", "'s", "$", "5"], None),
        (["我", "爱", "北京", "。"], "我爱北京。"),
        (["in", "St.", "Mary", "'s", "Church", "."], "in St. Mary's Church."),
        (
            ["He", "opened", "the", "door", ".", '"', "opened", '"', "it", "said"],
            'He opened the door. "opened" it said',
        ),
    ],
)
def test_tokens_read_as_a_text(tokens, text):
    expected = text or "He said, \"Don't (ever)!\" to Jo's $5"
    assert to_example({"tokens": tokens, "tags": ["O"] * len(tokens)}, TAGGED).input == expected


def test_tags_that_cannot_be_read():
    with pytest.raises(DataError, match="There are 2 tokens and 1 tags"):
        to_example({"tokens": ["a", "b"], "tags": ["O"]}, TAGGED)
    with pytest.raises(DataError, match="'tokens' must hold a list of words or tags"):
        to_example({"tokens": {"a": 1}, "tags": ["O"]}, TAGGED)
    with pytest.raises(DataError, match="none holds the words that they mark"):
        to_example({"tags": ["O"]}, {"tags": "tags"})
    example = to_example({"tokens": ["a"], "tags": [1]}, TAGGED)
    assert why_untrainable(example) == "its tags are numbers without names"


def test_the_direction_of_a_translation_is_chosen():
    row = {"translation": {"de": "Hallo", "en": "Hello"}}
    roles = Roles({"translation": "translation"})
    reason = "it is not said from which language to translate into which"
    assert why_untrainable(to_example(row, roles)) == reason
    back = to_example(row, roles.change(direction=("en", "de")))
    assert (back.instruction, back.input, back.output) == (
        "Translate this text from English into German.",
        "Hello",
        "Hallo",
    )
    own = to_example(row, roles.change(direction=("en", "de"), instruction="Auf Deutsch:"))
    assert own.instruction == "Auf Deutsch:"
    assert why_untrainable(to_example({"translation": {"en": "x"}}, roles.change(direction=("en", "de"))))
    with pytest.raises(DataError, match="must hold a text for each language"):
        to_example({"translation": "x"}, roles.change(direction=("en", "de")))


ALPACA_TEXT = (
    "Below is an instruction that describes a task, paired with an input.\n\n"
    "### Instruction:\nAdd\n\n### Input:\n1, 2\n\n### Response:\n3</s>"
)
TRANSCRIPTS = {
    "guanaco": ("### Human: q### Assistant: a ### b", "q|a ### b"),
    "alpaca": (ALPACA_TEXT, "Add\n\n1, 2|3"),
    "chatml": (
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n",
        "s|q|a",
    ),
    "zephyr": ("<|system|>\n</s>\n<|user|>\nq</s>\n<|assistant|>\na</s>", "q|a"),
    "llama 2": ("<s>[INST] <<SYS>>\ns\n<</SYS>>\n\nq [/INST] a </s><s>[INST] r [/INST] b </s>", "s|q|a|r|b"),
    "llama 3": (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\na<|eot_id|>",
        "q|a",
    ),
    "gemma": ("<bos><start_of_turn>user\nq<end_of_turn>\n<start_of_turn>model\na<end_of_turn>", "q|a"),
    "anthropic": ("\n\nHuman: q\n\nAssistant: a: b\n\nHuman: r\n\nAssistant: b", "q|a: b|r|b"),
    "vicuna": ("Be kind. USER: q ASSISTANT: a</s>USER: r ASSISTANT: b</s>", "Be kind.|q|a|r|b"),
}


@pytest.mark.parametrize("style", TRANSCRIPTS)
def test_one_text_in_the_marks_of_a_template(style):
    text, expected = TRANSCRIPTS[style]
    example = to_example({"text": text}, {"text": "messages"})
    assert "|".join(turn["content"] for turn in example.turns) == expected
    assert why_untrainable(example) is None


def test_fields_beside_a_conversation():
    row = {"talk": TURNS, "ask": "And then?", "reply": "Then b."}
    roles = {"talk": "messages", "ask": "instruction", "reply": "output"}
    example = to_example(row, roles)
    assert [turn["content"] for turn in example.turns] == ["q", "a", "And then?", "Then b."]
    assert example.instruction == "And then?"
    only_answer = to_example({"talk": TURNS[:1], "reply": "a"}, {"talk": "messages", "reply": "output"})
    assert [turn["role"] for turn in only_answer.turns] == ["user", "assistant"]


PLAIN = st.none() | st.booleans() | st.integers(-3, 99) | st.floats() | st.text(max_size=8)
PLAIN |= st.sampled_from(["[1]", '{"text": [1]}', '[{"role": 1}]', "[INST] q [/INST]", "### Human:### Assistant:"])
KEYS = st.sampled_from(["role", "content", "from", "value", "input", "output", "text", "label", "de", "en", "aliases"])
CELLS = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
COLUMNS = ("a", "b", "c")
ROWS = st.fixed_dictionaries({column: CELLS for column in COLUMNS})


@given(ROWS, st.tuples(*[st.sampled_from(ROLES)] * 3), st.booleans())
def test_any_cells_under_any_roles_make_text_or_a_sentence(row, roles, optional):
    """Whatever a file holds, a row is an example whose turns are text, or a DataError says why it is none."""
    options = Options({"a": {"1": "one"}}, "Do it.", ("de", "en"), 1, COLUMNS) if optional else Options()
    mapping = Roles(dict(zip(COLUMNS, roles, strict=True)), options)
    try:
        example = to_example(row, mapping)
    except DataError as error:
        assert str(error).endswith(".")
        return
    assert all(set(turn) == {"role", "content"} for turn in example.turns)
    assert all(isinstance(turn["content"], str) for turn in example.turns)
    assert isinstance(example.input, str) and isinstance(example.instruction, str)
    assert why_untrainable(example) is None or isinstance(why_untrainable(example), str)


@given(st.lists(ROWS, max_size=6), st.permutations(["instruction", "tokens", "tags", "label", "de", "en", "choices"]))
def test_any_rows_get_roles_that_can_be_read(rows, names):
    names = names[:3]
    rows = [dict(zip(names, row.values(), strict=True)) for row in rows]
    found = detect(names, rows)
    assert list(found.columns) == names
    assert set(found.roles.values()) <= set(ROLES)
    assert all(0 < kept.confidence <= 1 and kept.reason for kept in found.columns.values())
