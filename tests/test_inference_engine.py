"""The engine: twins in one batch, the same random numbers for both, stops, cancelling, NF4 and int8."""

import time

import pytest
import torch

from studio.errors import InferenceError, ModelError, SettingsError
from studio.inference import loading
from studio.inference.columns import Column
from studio.inference.engine import Engine, load_engine
from studio.inference.requests import GenerationOptions
from studio.settings import QuantizationSettings
from studio.templates.encoding import Stop
from studio.templates.tokenizer import load_tokenizer
from tests.tiny import make_tiny_adapter, make_tiny_model

STOP = Stop([2], [])
SHORT, LONG = [1, 281, 85, 326], [1, 382, 201, 302, 300, 33, 2, 201, 1, 281, 85]
SAMPLED = {"temperature": 0.8, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.3, "seed": 7}

# The outliers of LLM.int8 are columns of the whole batch: with any, a row's scores depend on its neighbours.
# Above every activation here, the threshold leaves none.
QUANTIZATIONS = {
    "none": QuantizationSettings(),
    "int8": QuantizationSettings(kind="int8", threshold=100),
    "nf4": QuantizationSettings(kind="nf4"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for kind in ("llama", "gpt2"):
        make_tiny_model(root / kind, kind)
        make_tiny_adapter(root / kind, root / f"{kind}-adapter")
        make_tiny_adapter(root / kind, root / f"{kind}-zero", scale=0)
    return root


def build_engine(folders, kind="llama", quantization="none", adapter="adapter", dtype=torch.float32) -> Engine:
    path = folders / f"{kind}-{adapter}" if adapter else None
    return load_engine(folders / kind, path, QUANTIZATIONS[quantization], dtype, "cpu")


@pytest.fixture(scope="module")
def engine(folders):
    return build_engine(folders)


def write(engine, columns, **options):
    """Texts of the columns, and their last deltas."""
    texts, last = [""] * len(columns), [None] * len(columns)
    for delta in engine.stream(columns, GenerationOptions(**{"max_new_tokens": 24, **options})):
        texts[delta.column] += delta.text
        last[delta.column] = delta
    return texts, last


def twins(base=SHORT, tuned=LONG, stop=STOP):
    return [Column("base", base, stop), Column("tuned", tuned, stop)]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("quantization", ["none", "int8", "nf4"])
def test_twins_in_one_batch_equal_separate_runs(folders, kind, quantization):
    engine = build_engine(folders, kind, quantization)
    for options in ({}, SAMPLED):
        both, _ = write(engine, twins(), **options)
        alone = [write(engine, [column], **options)[0][0] for column in twins()]
        assert both == alone
        assert both[0] != both[1]


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_base_equals_plain_greedy_transformers(folders, quantization):
    plain = loading.load_base(folders / "llama", QUANTIZATIONS[quantization], torch.float32, "cpu")
    ids = plain.generate(
        torch.tensor([LONG]), attention_mask=torch.ones(1, len(LONG)), max_new_tokens=24, do_sample=False
    )[0, len(LONG) :]
    text = load_tokenizer(folders / "llama").decode(ids.tolist())
    engine = build_engine(folders, quantization=quantization)
    assert write(engine, [Column("base", LONG, STOP)])[0] == [text]
    assert write(engine, twins(LONG, LONG))[0][0] == text


def test_tuned_equals_plain_greedy_peft(folders, engine):
    plain = loading.load_adapter(
        loading.load_base(folders / "llama", QUANTIZATIONS["none"], torch.float32, "cpu"), folders / "llama-adapter"
    )
    ids = plain.generate(
        input_ids=torch.tensor([LONG]), attention_mask=torch.ones(1, len(LONG)), max_new_tokens=24, do_sample=False
    )[0, len(LONG) :]
    assert write(engine, twins())[0][1] == load_tokenizer(folders / "llama").decode(ids.tolist())


def test_equal_weights_draw_equal_tokens(folders):
    """With a zero adapter both columns are the same model, and the noise is the same: so is the text."""
    zero = build_engine(folders, adapter="zero")
    texts, _ = write(zero, twins(LONG, LONG), **SAMPLED)
    assert texts[0] == texts[1] != ""
    assert zero.has_zero_adapter() and zero.logit_difference(LONG) == pytest.approx(0, abs=1e-5)


def test_the_seed_decides_and_the_adapter_leaves_the_base_alone(folders, engine):
    first, _ = write(engine, twins(), **SAMPLED)
    again, _ = write(engine, twins(), **SAMPLED)
    other, _ = write(engine, twins(), **{**SAMPLED, "seed": 8})
    assert first == again
    assert first[0] != other[0] and first[1] != other[1]
    without_adapter = build_engine(folders, adapter=None)
    assert write(without_adapter, [Column("base", SHORT, STOP)], **SAMPLED)[0][0] == first[0]


def test_gumbel_noise_draws_from_the_distribution():
    """20,000 draws of the Gumbel-max trick: each share within 4 standard errors of its probability."""
    from studio.inference.sampling import GumbelNoise

    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    noise, draws = GumbelNoise(3), 20_000
    chosen = torch.stack([noise(None, probabilities.log()[None]).argmax() for _ in range(draws)])
    shares = torch.bincount(chosen, minlength=4) / draws
    assert torch.all((shares - probabilities).abs() < 4 * (probabilities * (1 - probabilities) / draws).sqrt())


def test_the_penalty_spares_the_padding():
    """The padding is the stop token; only the row in whose prompt it really stands is penalised for it."""
    from studio.inference.sampling import RepetitionPenalty

    penalty = RepetitionPenalty(2.0, [[5], [2, 5]], width=2)
    scores = penalty(torch.tensor([[2, 5], [2, 5]]), torch.full((2, 8), 4.0))
    assert scores[0].tolist() == [4, 4, 4, 4, 4, 2, 4, 4]
    assert scores[1].tolist() == [4, 4, 2, 4, 4, 2, 4, 4]


def test_reasons_and_counts(engine):
    _, last = write(engine, twins(), max_new_tokens=5)
    assert [(delta.done, delta.reason, delta.tokens) for delta in last] == [(True, "length", 5)] * 2


def test_each_column_stops_for_itself(engine):
    """The base's own next token is made its stop token; the tuned column goes on."""
    with torch.no_grad(), engine.model.disable_adapter():
        first = engine.model(input_ids=torch.tensor([SHORT])).logits[0, -1].argmax().item()
    columns = [Column("base", SHORT, Stop([first], [])), Column("tuned", LONG, STOP)]
    texts, last = write(engine, columns)
    assert (texts[0], last[0].reason, last[0].tokens) == ("", "stop", 1)
    assert (last[1].reason, last[1].tokens) == ("length", 24)


def test_a_stop_text_ends_its_column(engine):
    whole, _ = write(engine, twins())
    mark = whole[1][5:9]
    texts, last = write(engine, twins(stop=Stop([2], [mark])))
    assert texts[1] == whole[1].partition(mark)[0]
    assert last[1].reason == "stop"


def test_the_models_own_generation_settings_do_not_leak_in(folders, engine):
    greedy, _ = write(engine, twins())
    base = engine.model.get_base_model()
    before = base.generation_config
    base.generation_config.repetition_penalty = 5.0
    assert write(engine, twins())[0] == greedy
    assert base.generation_config is before
    base.generation_config.repetition_penalty = None


def test_cancelling_ends_within_a_step(engine):
    seen = []
    deltas = engine.stream(twins(), GenerationOptions(max_new_tokens=200), lambda: len(seen) >= 4)
    for delta in deltas:
        seen.append(delta)
    assert [delta.reason for delta in seen[-2:]] == ["stopped", "stopped"]
    assert max(delta.tokens for delta in seen) < 20


def test_leaving_the_iteration_ends_the_batch(engine):
    started = time.monotonic()
    deltas = engine.stream(twins(), GenerationOptions(max_new_tokens=240))
    next(deltas)
    deltas.close()
    assert time.monotonic() - started < 2
    assert write(engine, twins(), max_new_tokens=3)[1][0].tokens == 3


def test_answers_in_batches_equal_single_answers_in_order(engine):
    prompts = [SHORT, LONG, LONG[:7], SHORT + LONG, LONG[2:]]
    progress = []
    together = engine.answer(
        prompts, "tuned", STOP, max_new_tokens=12, batch_size=2, progress=lambda *at: progress.append(at)
    )
    alone = [write(engine, [Column("tuned", ids, STOP)], max_new_tokens=12)[0][0] for ids in prompts]
    assert together == alone
    assert progress == [(2, 5), (4, 5), (5, 5)]
    assert engine.answer(prompts, "base", STOP, max_new_tokens=12) != together


def test_answering_rows_can_be_cancelled(engine):
    with pytest.raises(InferenceError, match="stopped"):
        engine.answer([SHORT], "base", STOP, max_new_tokens=50, cancelled=lambda: True)


def test_the_difference_of_the_logits_is_measured(engine):
    logits = []
    for tuned in (False, True):
        with torch.no_grad():
            names = ["default" if tuned else "__base__"]
            logits.append(engine.model(input_ids=torch.tensor([LONG]), adapter_names=names).logits[0, -1])
    assert engine.logit_difference(LONG) == pytest.approx((logits[0] - logits[1]).abs().max().item(), rel=1e-4)


def test_what_cannot_be_asked(folders, engine):
    options = GenerationOptions()
    with pytest.raises(InferenceError, match="The prompt is empty"):
        engine.check([Column("base", [], STOP)], options)
    with pytest.raises(InferenceError, match=r"300 tokens, but the model reads at most 256"):
        engine.check([Column("base", [5] * 300, STOP)], options)
    assert engine.check([Column("base", [5] * 250, STOP)], options) == 6
    with pytest.raises(InferenceError, match="only the base is loaded"):
        build_engine(folders, adapter=None).check(twins(), options)


@pytest.mark.parametrize("double", [True, False])
def test_nf4_keeps_its_gradients_after_an_evaluation(folders, double):
    """bitsandbytes repacks NF4 weights at the first forward without gradients on CPUs with AVX512-BF16."""
    import bitsandbytes

    settings = QuantizationSettings(kind="nf4", double_quantization=double)
    model = loading.load_base(folders / "llama", settings, torch.bfloat16, "cpu")
    layers = [module for module in model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    assert len(layers) == 14
    assert hasattr(bitsandbytes.nn.Linear4bit(64, 64), "support_avx512bf16_for_cpu"), "renamed: look for the trap anew"
    assert all(layer.support_avx512bf16_for_cpu is False for layer in layers)
    plain = loading.load_base(folders / "llama", QUANTIZATIONS["none"], torch.float32, "cpu")
    wanted = plain.get_submodule("model.layers.0.self_attn.q_proj").weight
    with torch.no_grad():
        model(input_ids=torch.tensor([LONG]))
    layer = model.get_submodule("model.layers.0.self_attn.q_proj")
    back = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    assert (back - wanted).abs().mean() < 0.1 * wanted.abs().mean()
    states = torch.randn(1, 3, 64, dtype=torch.bfloat16, requires_grad=True)
    layer(states).sum().backward()
    assert states.grad is not None
    assert torch.allclose(states.grad[0, 0].float(), back.sum(0), atol=0.05)


def test_int8_keeps_its_gradients_after_an_evaluation(folders):
    model = loading.load_base(folders / "llama", QUANTIZATIONS["int8"], torch.bfloat16, "cpu")
    with torch.no_grad():
        model(input_ids=torch.tensor([LONG]))
    states = torch.randn(1, 3, 64, dtype=torch.bfloat16, requires_grad=True)
    model.train()
    model.get_submodule("model.layers.0.self_attn.q_proj")(states).sum().backward()
    assert states.grad.abs().sum() > 0


def test_only_safetensors_and_only_a_fitting_adapter(folders, tmp_path):
    with pytest.raises(ModelError, match="no weights as safetensors"):
        loading.load_base(tmp_path, QUANTIZATIONS["none"], torch.float32, "cpu")
    base = loading.load_base(folders / "llama", QUANTIZATIONS["none"], torch.float32, "cpu")
    with pytest.raises(ModelError, match=r"has no adapter_model\.safetensors"):
        loading.load_adapter(base, tmp_path)
    with pytest.raises(ModelError, match="does not fit its base"):
        loading.load_adapter(base, folders / "gpt2-adapter")


def test_device_and_dtype(tmp_path):
    assert loading.choose_device("cpu") == "cpu"
    assert loading.choose_dtype("float32", "cpu") == torch.float32
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match=r"launch\.device is cuda"):
            loading.choose_device("cuda")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\n\nflags\t\t: fpu\n")
    assert loading.read_cpu_flags(cpuinfo) == {"fpu", "avx512f", "avx512_bf16"}
    assert loading.read_cpu_flags(tmp_path / "none") == set()
    assert {"torch", "transformers", "peft", "python"} <= loading.versions().keys()


def test_the_adapters_hash_is_that_of_its_file(folders):
    import hashlib

    data = (folders / "llama-adapter" / "adapter_model.safetensors").read_bytes()
    assert loading.hash_adapter(folders / "llama-adapter") == hashlib.sha256(data).hexdigest()
