"""The test split before and after, on a tiny model with a tiny adapter."""

import json

import pytest
import torch
import yaml

from studio.errors import DataError, InferenceError
from studio.evaluation.before_after import measure
from studio.inference.columns import Column
from studio.inference.engine import load_engine
from studio.inference.requests import GenerationOptions
from studio.inference.wording import Wording
from studio.settings import QuantizationSettings
from studio.templates.example import from_fields, from_record
from studio.templates.rendering import Renderer
from tests.tiny import make_tiny_model, make_tiny_run

ALPACA = "### Instruction:\n{{ instruction }}\n\n### Response:\n{{ output }}"


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as renderer:
        yield renderer


@pytest.fixture(scope="module", params=["chat", "no chat template"])
def run(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    model = make_tiny_model(root / "tiny", chat_template=request.param == "chat")
    return make_tiny_run(root / "home", "first", model, jinja=ALPACA, rows=5), model, request.param


@pytest.fixture(scope="module")
def setup(run, renderer):
    folder, model, kind = run
    engine = load_engine(model, folder / "adapter", QuantizationSettings(), torch.float32, "cpu")
    resolved = yaml.safe_load((folder / "resolved.yaml").read_text(encoding="utf-8"))
    lines = (folder / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [(record["id"], from_record(record)) for record in map(json.loads, lines)]
    return engine, rows, Wording.of_run(resolved, engine.tokenizer, renderer), kind


def test_what_tuned_says_is_matched_and_counted(setup):
    engine, rows, wording, kind = setup
    progress = []
    first = measure(engine, rows, wording, max_new_tokens=8, progress=lambda *at: progress.append(at))
    assert first["n"] == 5 and [row["id"] for row in first["rows"]] == [1, 2, 3, 4, 5]
    assert progress == [(5, 10), (10, 10)]
    assert first["exact_match"]["base"] == first["exact_match"]["tuned"] == 0
    assert first["base_prompt"] == ("own template" if kind == "chat" else "same tokens")
    answers = [row["tuned"] for row in first["rows"]]
    assert any(row["base"] != row["tuned"] for row in first["rows"])
    taught = [(id, from_fields(e.instruction, "", said)) for (id, e), said in zip(rows, answers, strict=True)]
    second = measure(engine, taught, wording, max_new_tokens=8)
    assert (second["exact_match"]["tuned"], second["exact_match"]["base"]) == (1.0, 0.0)
    assert second["exact_match"]["difference"] == 1.0
    assert second["exact_match"]["better"] == 5 and second["exact_match"]["worse"] == 0
    assert second["exact_match"]["mcnemar_p"] == 2 / 32
    assert all(row["tuned_correct"] and not row["base_correct"] for row in second["rows"])
    assert json.loads(json.dumps(second)) == second


def test_the_base_is_asked_in_its_own_template_unless_told_otherwise(setup):
    engine, rows, wording, kind = setup
    own, same = (measure(engine, rows, wording, mode=mode, max_new_tokens=8) for mode in ("own", "same"))
    assert same["base_prompt"] == "same tokens"
    assert [row["tuned"] for row in own["rows"]] == [row["tuned"] for row in same["rows"]]
    alike = [row["base"] for row in own["rows"]] == [row["base"] for row in same["rows"]]
    assert alike == (kind == "no chat template")


def test_a_row_answered_in_a_batch_is_answered_as_alone(setup):
    engine, rows, wording, _ = setup
    result = measure(engine, rows, wording, max_new_tokens=8)
    for (_, example), row in zip(rows, result["rows"], strict=True):
        question = wording.ask_base(example, "own")
        column = Column("base", question.prompt.ids, question.stop)
        deltas = engine.stream([column], GenerationOptions(max_new_tokens=8))
        assert "".join(delta.text for delta in deltas) == row["base"]


def test_the_prompts_are_what_they_should_be(setup):
    _, _, wording, kind = setup
    example = from_fields("Name it.", "A town.", "Paris", "Be brief.")
    assert wording.ask_tuned(example).prompt.text == "### Instruction:\nName it.\n\n### Response:\n"
    base = wording.ask_base(example, "own")
    if kind == "chat":
        assert base.prompt.text == (
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nName it.\n\nA town.<|im_end|>\n"
            "<|im_start|>assistant\n"
        )
        assert base.stop.ids == [2]
    else:
        assert base == wording.ask_tuned(example)


def test_nothing_to_measure_and_cancelled(setup):
    engine, rows, wording, _ = setup
    with pytest.raises(DataError, match="no rows"):
        measure(engine, [], wording, max_new_tokens=8)
    with pytest.raises(InferenceError, match="stopped"):
        measure(engine, rows, wording, max_new_tokens=8, cancelled=lambda: True)
