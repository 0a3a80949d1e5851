"""The one encoder: exact token ids and masks, equal to transformers' and TRL's own."""

import pytest

from studio.errors import TemplateError
from studio.settings import TemplateSettings
from studio.templates.encoding import Template, encode, encode_prompt, stop_of, with_system
from studio.templates.example import from_fields, from_turns
from studio.templates.library import find_template, list_templates
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import load_tokenizer
from tests.tiny import make_tiny_model

ROWS = [
    from_fields("What is 2+2?", output="4"),
    from_fields("Translate to French.", "good morning", "bonjour"),
    from_fields("Say a smiley.", output="🙂 naïve 你好"),
    from_fields("Code it.", "x", "def f():\n    return '<|im_end|>' in s\n", system="Be brief."),
    from_turns(
        [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "and now?"},
            {"role": "assistant", "content": "bye"},
        ]
    ),
]
SINGLE = ROWS[:4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def tokenizer(folder):
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as renderer:
        yield renderer


def shipped(name, tokenizer):
    return find_template(TemplateSettings(name=name), tokenizer)


def trained_text(encoded):
    return "".join(piece for index, piece in enumerate(encoded.pieces()) if encoded.state(index) == "trained")


def test_only_the_answer_is_trained(tokenizer, renderer):
    encoded = encode(ROWS[0], shipped("chatml", tokenizer), tokenizer, renderer)
    assert encoded.text == "<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>"
    assert trained_text(encoded) == "4<|im_end|>"
    assert encoded.method == "prefix"
    columns = encoded.training_columns()
    assert [id for id in columns["labels"] if id != -100] == columns["input_ids"][encoded.prompt_tokens :]
    assert columns["labels"][-1] == tokenizer.token_id("<|im_end|>")


@pytest.mark.parametrize("row", ROWS)
def test_the_models_own_template_is_rendered_as_transformers_does(folder, tokenizer, renderer, row):
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    ours = encode(row, shipped("model", tokenizer), tokenizer, renderer)
    assert ours.text == theirs.apply_chat_template(list(row.turns), tokenize=False)
    expected = theirs.apply_chat_template(list(row.turns), tokenize=True, return_dict=True)["input_ids"]
    assert ours.ids == expected
    prompt = theirs.apply_chat_template(list(row.prompt_turns), tokenize=False, add_generation_prompt=True)
    assert encode_prompt(row, shipped("model", tokenizer), tokenizer, renderer).text == prompt


@pytest.mark.parametrize("name", ["alpaca", "gemma-turns", "plain", "chatml", "model"])
@pytest.mark.parametrize("row", SINGLE)
def test_every_shipped_template_trains_the_answer_and_an_end(tokenizer, renderer, name, row):
    template = shipped(name, tokenizer)
    encoded = encode(row, template, tokenizer, renderer)
    prompt = encode_prompt(row, template, tokenizer, renderer)
    assert encoded.ids[: encoded.prompt_tokens] == prompt.ids
    assert encoded.text.startswith(prompt.text)
    trained = trained_text(encoded)
    assert trained.startswith(row.output) and len(trained) > len(row.output)
    stop = stop_of(template, tokenizer, renderer)
    labels = [id for id in encoded.training_columns()["labels"] if id != -100]
    assert set(labels) & set(stop.ids) or any(text in trained for text in stop.texts)
    assert "".join(encoded.pieces()) == encoded.text


def test_gemma_turns_to_the_letter(tokenizer, renderer):
    template = shipped("gemma-turns", tokenizer)
    prefix = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    )
    with_input = encode(from_fields("Add.", "1, 2", "3"), template, tokenizer, renderer)
    assert with_input.text == (
        f"<start_of_turn>user {prefix}Add. here are the inputs 1, 2 <end_of_turn>\n<start_of_turn>model3 <end_of_turn>"
    )
    for empty in ("", "Not applicable"):
        without = encode(from_fields("Add.", empty, "3"), template, tokenizer, renderer)
        assert without.text == f"<start_of_turn>user {prefix}Add. <end_of_turn>\n<start_of_turn>model3 <end_of_turn>"
    assert stop_of(template, tokenizer, renderer).texts == ["<end_of_turn>"]


def test_an_answer_that_melts_into_the_prompt_is_tokenised_apart(tokenizer, renderer):
    # "model" + "model" would be one run of letters, whose tokens need not break where the answer begins.
    melting = Template("melting", "the quick bro{{ output }}")
    encoded = encode(from_fields("x", output="wn fox"), melting, tokenizer, renderer)
    prompt = encode_prompt(from_fields("x"), melting, tokenizer, renderer)
    assert encoded.ids[: len(prompt.ids)] == prompt.ids
    assert trained_text(encoded).startswith("wn fox")


def test_what_is_longer_than_max_length_is_cut_and_counted(tokenizer, renderer):
    row = from_fields("What is 2+2?", output="four " * 50)
    encoded = encode(row, shipped("chatml", tokenizer), tokenizer, renderer, max_length=40)
    assert len(encoded.training_columns()["input_ids"]) == 40
    assert encoded.count("cut") == len(encoded.ids) - 40 > 0
    assert encoded.count("cut") + encoded.count("trained") + encoded.count("context") == len(encoded.ids)


def test_train_on_all_trains_the_prompt_too(tokenizer, renderer):
    encoded = encode(ROWS[0], shipped("chatml", tokenizer), tokenizer, renderer, train_on="all")
    columns = encoded.training_columns()
    assert columns["labels"] == columns["input_ids"]


def test_a_system_prompt_is_added_only_where_there_is_none():
    assert with_system(SINGLE[0], "Be kind.").system == "Be kind."
    assert with_system(SINGLE[3], "Be kind.").system == "Be brief."


def test_a_conversation_needs_a_chat_template(tokenizer, renderer):
    with pytest.raises(TemplateError, match="one place for one answer"):
        encode(ROWS[4], shipped("alpaca", tokenizer), tokenizer, renderer)


@pytest.mark.parametrize(
    ("jinja", "message"),
    [
        ("{% if instruction %}{{ output }}", r"line 1.*end of template"),
        ("a\n{{ output | nosuch }}", "line 2.*No filter named 'nosuch'"),
        ("{{ instrution }}{{ output }}", "uses instrution, which no row has"),
        ("{{ instruction }}", "holds no answer to learn"),
        ("{{ output | upper }}", "does not write {{ output }} as it is"),
        ("{{ raise_exception('no system') }}{{ output }}", "no system"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}{{ output }}", "calls itself without end"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{{ output }}", "3 seconds"),
        ("{{ 'a' * 10**9 }}{{ output }}", "memory|1 MB"),
        ("{{ ''.__class__.__mro__ }}{{ output }}", "unsafe|undefined"),
        ("{% include 'x' %}{{ output }}", "no loader"),
        ("x" * 300_000, "at most 200,000"),
    ],
)
def test_a_bad_template_is_refused_in_words(tokenizer, renderer, jinja, message):
    with pytest.raises(TemplateError, match=message):
        encode(ROWS[0], Template("mine", jinja), tokenizer, renderer)
    assert encode(ROWS[0], shipped("chatml", tokenizer), tokenizer, renderer).ids  # the next one is served


def test_a_base_model_without_chat_template_says_so(tmp_path):
    tokenizer = load_tokenizer(make_tiny_model(tmp_path, kind="gpt2", chat_template=None))
    with pytest.raises(TemplateError, match="no chat template of its own"):
        find_template(TemplateSettings(), tokenizer)


def test_an_unknown_template_lists_those_there_are(tokenizer):
    with pytest.raises(TemplateError, match="model, alpaca, chatml, gemma-turns, plain"):
        find_template(TemplateSettings(name="../x"), tokenizer)
    assert len(list_templates()) >= 4
