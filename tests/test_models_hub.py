"""Models from the hub: a stand-in for it on this machine; no test here leaves the machine."""

import json
import socket
import time

import pytest

from studio.errors import ModelError
from studio.home import open_home
from studio.models.sources import resolve_files, weights_size
from tests.models_stand_in import COMMIT, serve_hub, write_model

NAME = "acme/tiny"


@pytest.fixture
def hub(tmp_path):
    with serve_hub() as server:
        server.models[NAME] = write_model(tmp_path / "published")
        yield server


@pytest.fixture
def resolve(tmp_path):
    """resolve_files with a HOME and a hub cache of the test's own."""
    home = open_home(tmp_path / "home")

    def call(endpoint, name=NAME, weights=False, **options):
        return resolve_files(home, name, weights=weights, endpoint=endpoint, cache=tmp_path / "cache", **options)

    return call


def test_choosing_fetches_config_and_tokenizer_only(hub, resolve):
    files = resolve(hub.endpoint)
    assert hub.fetched() == ["tokenizer.json", "tokenizer_config.json", "config.json"]
    assert (files.source, files.revision, files.sha256, files.size_bytes) == ("hub", COMMIT, None, 0)


def test_start_fetches_the_weights_once(hub, resolve):
    resolve(hub.endpoint)
    files = resolve(hub.endpoint, weights=True)
    assert hub.fetched()[3:] == ["model.safetensors"]
    assert files.size_bytes == (hub.models[NAME] / "model.safetensors").stat().st_size
    assert len(files.sha256) == 64

    asked = len(hub.asked)
    again = resolve(hub.endpoint, weights=True)
    assert (again.source, again.sha256, again.revision) == ("hub cache", files.sha256, COMMIT)
    assert len(hub.asked) == asked


def test_shards_are_fetched_with_their_index(hub, resolve, tmp_path):
    hub.models[NAME] = write_model(tmp_path / "sharded", shards=2)
    (hub.models[NAME] / "pytorch_model.bin").write_bytes(b"pickle")
    resolve(hub.endpoint, weights=True)
    assert hub.fetched()[3:] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]


def test_progress_grows_to_the_whole(hub, resolve):
    seen = []
    resolve(hub.endpoint, weights=True, progress=lambda message, fraction: seen.append((message, fraction)))
    assert ("Fetching model.safetensors of acme/tiny", 1.0) in seen


def test_a_cancelled_download_is_not_taken_for_a_model(hub, resolve):
    class Cancelled(Exception):
        pass

    def cancel(message, fraction):
        if "model.safetensors" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        resolve(hub.endpoint, weights=True, progress=cancel)
    assert resolve(hub.endpoint).source == "hub cache"  # config and tokenizer are whole
    assert resolve(hub.endpoint, weights=True).source == "hub"


def test_a_commit_can_be_asked_for(hub, resolve):
    assert resolve(hub.endpoint, revision=COMMIT).revision == COMMIT
    with pytest.raises(ModelError, match="acme/tiny has no revision v9 on the hub"):
        resolve(hub.endpoint, revision="v9")


def test_an_unknown_name_says_so(hub, resolve):
    with pytest.raises(ModelError, match="There is no model with that name on the hub: acme/nothing"):
        resolve(hub.endpoint, name="acme/nothing")


def test_a_gated_model_says_how_to_get_access(hub, resolve, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    hub.gated.add(NAME)
    with pytest.raises(ModelError, match=r"request access .* HF_TOKEN.*hf auth login") as caught:
        resolve(hub.endpoint)
    assert "hf_canary" not in str(caught.value)


@pytest.mark.parametrize("weights", [False, True])
def test_weights_in_pickle_are_refused_before_anything_is_fetched(hub, resolve, weights):
    folder = hub.models[NAME]
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"only as pytorch_model\.bin.* only safetensors are loaded"):
        resolve(hub.endpoint, weights=weights)
    assert hub.fetched() == []


def test_remote_code_is_refused_at_any_depth(hub, resolve):
    path = hub.models[NAME] / "config.json"
    config = json.loads(path.read_text())
    config["text_config"] = {"layers": [{"auto_map": {"AutoModel": "evil.Model"}}]}
    path.write_text(json.dumps(config))
    for _ in range(2):  # from the hub, then from its cache
        with pytest.raises(ModelError, match="asks to run code of its own"):
            resolve(hub.endpoint, weights=True)
    assert "model.safetensors" not in hub.fetched()


def test_nobody_listens(resolve, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ModelError) as caught:
        resolve(endpoint)
    text = str(caught.value)
    assert str(tmp_path / "home/models/acme--tiny") in text
    assert f"the hub's cache ({tmp_path / 'cache'})" in text
    assert f"the hub at {endpoint} (no connection)" in text
    assert "give the path of a folder" in text


def test_a_hub_that_never_answers_is_given_up_after_three_seconds(resolve):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(ModelError, match="no answer within 3 seconds"):
            resolve(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert 2.5 < time.monotonic() - started < 4.5


def test_offline_mode_asks_nobody(hub, resolve, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="switched off by HF_HUB_OFFLINE"):
        resolve(hub.endpoint)
    assert hub.asked == []


def test_home_comes_before_cache_and_hub(hub, resolve, tmp_path):
    write_model(tmp_path / "home/models/acme--tiny")
    files = resolve(hub.endpoint, weights=True)
    assert (files.source, files.revision) == ("home", "local")
    assert hub.asked == []


def test_a_half_copied_home_folder_gives_way_to_the_hub(hub, resolve, tmp_path):
    folder = write_model(tmp_path / "home/models/acme--tiny", shards=2)
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert resolve(hub.endpoint, weights=True).source == "hub"


def test_a_half_copied_home_folder_is_named_when_there_is_nothing_else(resolve, tmp_path):
    folder = write_model(tmp_path / "home/models/acme--tiny", shards=2)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model-00002-of-00002\.safetensors is missing"):
        resolve("http://127.0.0.1:1", weights=True)


def test_an_old_short_name_finds_the_cache_of_its_time(hub, resolve, tmp_path):
    snapshot = write_model(tmp_path / "cache/models--gpt2/snapshots" / COMMIT)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text(COMMIT)
    files = resolve(hub.endpoint, name="gpt2", weights=True)
    assert (files.name, files.source) == ("openai-community/gpt2", "hub cache")


def test_the_size_is_known_before_the_weights_are_here(hub, tmp_path):
    assert weights_size("gpt2") == 548105171
    assert weights_size(NAME, endpoint=hub.endpoint) == (hub.models[NAME] / "model.safetensors").stat().st_size
    assert weights_size("acme/nothing", endpoint=hub.endpoint) is None
    assert weights_size(str(hub.models[NAME])) == (hub.models[NAME] / "model.safetensors").stat().st_size
