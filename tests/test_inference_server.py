"""The server as its own process over real HTTP, and the client that starts and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from studio.errors import InferenceError, RunError
from studio.home import open_home
from studio.inference.client import InferenceHost, read_port
from studio.inference.requests import read_request
from studio.system import project_folder
from tests.tiny import make_tiny_model, make_tiny_run

ALPACA = "### Instruction:\n{{ instruction }}\n\n### Response:\n{{ output }}\n\n### End"
TOKEN = "a-token-for-tests-0123456789"
QUESTION = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("home")
    model = make_tiny_model(root / "tiny")
    make_tiny_run(root / "home", "first", model, jinja=ALPACA)
    make_tiny_run(root / "home", "zero", model, scale=0)
    broken = make_tiny_run(root / "home", "broken", model)
    text = (broken / "resolved.yaml").read_text(encoding="utf-8")
    start = text.index("sha256: ") + len("sha256: ")
    (broken / "resolved.yaml").write_text(text[:start] + "ab" * 32 + text[start + 64 :], encoding="utf-8")
    return open_home(root / "home")


@pytest.fixture(scope="module")
def host(home):
    host = InferenceHost(home)
    host.open("first")
    host.wait_ready(120)
    yield host
    host.close()


@pytest.fixture(scope="module")
def client(host):
    """A bare HTTP client with the right address and token."""
    with host.connect(host.server, 60) as client:
        yield client


def ask(host, question=QUESTION, mode="own", **options):
    return read_request({**question, "mode": mode, "options": {"max_new_tokens": 12, **options}})


def collect(lines):
    """Texts of both columns, and the last line."""
    texts, last = {"base": "", "tuned": ""}, None
    for line in lines:
        if "column" in line:
            texts[line["column"]] += line["text"]
        last = line
    return texts, last


def test_both_columns_stream_and_the_last_line_tells_all(host):
    lines = list(host.twins(ask(host)))
    texts, last = collect(lines)
    assert len(lines) > 10
    assert last["done"] is True
    for name in ("base", "tuned"):
        report = last[name]
        assert report["text"] == texts[name] != ""
        assert report["tokens"] == 12 and report["reason"] == "length"
        assert report["seconds"] >= report["first_token_s"] > 0 and report["tokens_per_s"] > 0
    assert texts["base"] != texts["tuned"]
    state = host.state()
    assert last["integrity"]["verdict"] == "base verified, tuned verified"
    assert last["integrity"]["adapter_sha256"] == state["adapter_sha256"]
    assert last["integrity"]["base_sha256"] == state["base"]["sha256"]
    assert last["integrity"]["max_logit_difference"] > 0.1
    assert (last["seed"], last["base_prompt"]) == (1234, "own template")


def test_health_tells_what_is_loaded(host):
    state = host.state()
    assert state["state"] == "ready" and state["run"] == "first"
    assert state["message"].startswith("Loaded in ")
    assert (state["device"], state["dtype"], state["busy"]) == ("cpu", "float32", False)


def test_the_same_seed_draws_the_same_text(host):
    first, _ = collect(host.twins(ask(host, temperature=1.0, seed=5)))
    again, _ = collect(host.twins(ask(host, temperature=1.0, seed=5)))
    other, _ = collect(host.twins(ask(host, temperature=1.0, seed=6)))
    assert first == again != other


def test_an_instruction_is_asked_like_a_message(host):
    texts, _ = collect(host.twins(ask(host)))
    same, _ = collect(host.twins(ask(host, {"instruction": "What is the capital of France?"})))
    other, _ = collect(host.twins(ask(host, {"instruction": "What is the capital of France?", "system": "Be brief."})))
    assert texts == same != other


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({"Authorization": "Bearer wrong"}, 401, "The bearer token is missing or wrong."),
        ({"Authorization": ""}, 401, "The bearer token is missing or wrong."),
        ({"Authorization": "Bearer \xe9"}, 401, "The bearer token is missing or wrong."),
        ({"Host": "evil.example"}, 403, "This server answers only under its own address on this machine."),
        ({"Host": "127.0.0.1"}, 403, "This server answers only under its own address on this machine."),
    ],
)
@pytest.mark.parametrize("route", ["/health", "/twins", "/stop", "/docs"])
def test_nobody_else_gets_in(client, route, headers, status, sentence):
    headers = {name: value.encode("latin-1") for name, value in headers.items()}
    reply = client.post(route, json=QUESTION, headers=headers)
    assert (reply.status_code, reply.json()) == (status, {"error": sentence})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{", "JSON decode error"),
        ("{}", "give either messages or an instruction"),
        ({**QUESTION, "instruction": "x"}, "not both and not neither"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "the last message must be the user's"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role should be 'system', 'user'"),
        ({"messages": [{"role": "user", "content": {"path": "/etc/passwd"}}]}, "content should be a valid string"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content should be a valid string"),
        ({**QUESTION, "temprature": 1}, "there is no temprature"),
        ({**QUESTION, "options": {"max_new_tokens": 0}}, "options.max_new_tokens should be greater than or equal to 1"),
        ({**QUESTION, "options": {"temperature": -1, "top_p": 2}}, "; options.top_p should be less than or equal to 1"),
        ('{"instruction": "\\ud800"}', "instruction should be a valid string, unable to parse raw data as a unicode"),
        ("[" * 60_000, "error"),
        ({"instruction": "the capital " * 300}, "tokens, but the model reads at most 256"),
    ],
)
def test_a_bad_request_gets_one_sentence(client, body, sentence):
    content = body if isinstance(body, str) else json.dumps(body)
    reply = client.post("/twins", content=content, headers={"Content-Type": "application/json"})
    assert reply.status_code in (400, 422)
    assert list(reply.json()) == ["error"]
    assert sentence in reply.json()["error"]
    assert client.get("/health").json()["state"] == "ready"


def test_a_huge_body_is_refused(client):
    for content in (b"x" * 1_200_000, iter([b"x" * 600_000] * 2)):
        reply = client.post("/twins", content=content)
        assert reply.status_code == 413
        assert "longer than 1,000,000 bytes" in reply.json()["error"]


def test_what_is_not_there(client):
    assert client.get("/nothing").json() == {"error": "GET /nothing cannot be answered: Not Found."}
    assert client.get("/twins").status_code == 405


def test_stop_ends_the_round_at_once_and_a_second_round_waits(host, client):
    """The tiny model writes 200 tokens in about a second; the stop comes after the first."""
    lines = host.twins(ask(host, max_new_tokens=240))
    next(lines)
    reply = client.post("/twins", json=QUESTION)
    assert reply.status_code == 409
    assert reply.json() == {"error": "Another answer is being written. Wait until it is done, or stop it."}
    assert host.stop() is True
    rest = list(lines)
    last = rest[-1]
    assert {last["base"]["reason"], last["tuned"]["reason"]} == {"stopped"}
    assert last["base"]["tokens"] < 200
    assert last["integrity"]["max_logit_difference"] is None
    assert host.stop() is False


def test_a_reader_who_leaves_frees_the_model(host):
    lines = host.twins(ask(host, max_new_tokens=240))
    next(lines)
    lines.close()
    deadline = time.monotonic() + 5
    while host.state()["busy"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert collect(host.twins(ask(host)))[1]["done"] is True


def test_own_and_same(host):
    """The run's template is Alpaca's: "own" asks the base in its ChatML, "same" with the tuned model's tokens."""
    own, own_last = collect(host.twins(ask(host)))
    same, same_last = collect(host.twins(ask(host, mode="same")))
    assert (own_last["base_prompt"], same_last["base_prompt"]) == ("own template", "same tokens")
    assert own["tuned"] == same["tuned"]
    assert own["base"] != same["base"]


def test_a_zero_adapter_and_a_swapped_base_are_noticed(home, host):
    """And opening another run ends the former server, even in the middle of an answer."""
    first_base = collect(host.twins(ask(host)))[0]["base"]
    host = InferenceHost(home)
    try:
        host.open("zero")
        host.wait_ready(120)
        texts, last = collect(host.twins(ask(host)))
        first = host.server.process
        host.open("zero")
        assert host.server.process is first, "open is idempotent"
        lines = host.twins(ask(host, max_new_tokens=240))
        next(lines)
        started = time.monotonic()
        host.open("broken")
        assert time.monotonic() - started < 5
        assert first.returncode in (0, -signal.SIGTERM), "one server at a time"
        with pytest.raises(InferenceError, match=r"because zero was closed"):
            list(lines)
        with pytest.raises(InferenceError, match="are not those this run was trained on"):
            host.wait_ready(120)
        with pytest.raises(InferenceError, match="are not those this run was trained on"):
            next(host.twins(ask(host)))
    finally:
        host.close()
    assert texts["base"] == texts["tuned"] == first_base, "the base in its own template answers alike in every run"
    assert last["integrity"]["verdict"].startswith("both columns answer alike, because the adapter's weights are all")


def test_a_server_that_dies_says_so(home):
    host = InferenceHost(home)
    assert host.state()["state"] == "closed"
    assert host.stop() is False
    with pytest.raises(InferenceError, match="No run is open"):
        next(host.twins(ask(host)))
    with pytest.raises(RunError, match="There is no run 'none'"):
        host.open("none")
    host.open("first")
    try:
        assert host.state()["state"] == "loading"
        os.kill(host.server.process.pid, signal.SIGKILL)
        host.server.process.wait(5)
        assert "was ended by signal 9" in host.state()["message"]
        with pytest.raises(InferenceError, match="signal 9"):
            next(host.twins(ask(host)))
        dead = host.server.process
        host.open("first")
        assert host.server.process is not dead
    finally:
        host.close()
    assert host.state()["state"] == "closed"


def start_bare(home, run, ready, parent, token=TOKEN):
    environment = {key: value for key, value in os.environ.items() if key != "STUDIO_INFERENCE_TOKEN"}
    argv = [sys.executable, "-m", "studio.inference.server", str(home.run(run)), "--ready-file", str(ready)]
    return subprocess.Popen(
        [*argv, "--parent", str(parent)],
        cwd=project_folder(),
        env={**environment, **({"STUDIO_INFERENCE_TOKEN": token} if token else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(path, process, seconds=30):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    return json.loads(path.read_text(encoding="utf-8"))


def test_no_token_no_server(home, tmp_path):
    for token in ("", "short"):
        process = start_bare(home, "first", tmp_path / "ready", os.getpid(), token)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert output == "The inference server needs a token of at least 16 characters in STUDIO_INFERENCE_TOKEN.\n"
        assert not (tmp_path / "ready").exists()


def test_it_is_up_while_it_loads_refuses_meanwhile_and_goes_with_its_parent(home, tmp_path):
    parent = subprocess.Popen(["sleep", "60"])
    process = start_bare(home, "first", tmp_path / "ready", parent.pid)
    try:
        ready = wait_for(tmp_path / "ready", process)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        address = f"http://127.0.0.1:{ready['port']}"
        state = httpx.get(f"{address}/health", headers=headers, trust_env=False, timeout=20).json()
        assert state["state"] == "loading" and state["base"] is None
        reply = httpx.post(f"{address}/twins", headers=headers, json=QUESTION, trust_env=False, timeout=20)
        assert reply.status_code == 503 and "still loading" in reply.json()["error"]
        with socket.socket() as other, pytest.raises(OSError):
            other.connect((local_address(), ready["port"]))
        parent.kill()
        parent.wait()
        process.communicate(timeout=15)
        assert process.returncode == 0
    finally:
        parent.kill()
        process.kill()
        process.communicate()


def local_address() -> str:
    """An address of this machine besides 127.0.0.1 (Linux answers on all of 127/8; macOS on none of the others)."""
    return "127.0.0.2"


def test_the_token_stays_out_of_files_and_command_lines(home, host):
    token = host.server.token
    assert token not in " ".join(host.server.process.args)
    assert token not in (home.path / "inference.log").read_text(encoding="utf-8", errors="replace")
    assert str(read_port(host.server)) in host.server.ready_file.read_text(encoding="utf-8")
    assert token not in host.server.ready_file.read_text(encoding="utf-8")


def test_the_client_loads_no_torch():
    code = "import sys, studio.inference.client, studio.inference.server; assert 'torch' not in sys.modules, 'torch'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=project_folder())
