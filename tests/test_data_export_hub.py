"""The data card, and pushing to a stand-in for the hub; no test here leaves the machine."""

import io
import json
import socket

import pyarrow.parquet
import pytest
import yaml

from studio.data.checks.background import run
from studio.data.checks.catalogue import find_check
from studio.data.export.card import describe_origin
from studio.data.export.package import describe_dataset, write_new, write_package
from studio.data.export.push import push_to_hub
from studio.data.splits import assign_splits
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError
from studio.home import open_home
from studio.settings import DataSettings
from tests.push_stand_in import TOKEN, Repository, serve_push_hub

ROWS = [{"q": f"What is {n} + 1?", "a": str(n + 1), "n": n, "mixed": (n, str(n))[n % 2]} for n in range(40)]
ROLES = {"q": "instruction", "a": "output"}
SETTINGS = DataSettings(eval_fraction=0.2, test_fraction=0.2)
NAME = "acme/sums"


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def dataset(home):
    source = {"file": "sums.csv", "licence": "CC-BY-4.0"}
    dataset = open_dataset(home, create_dataset(home, "Sums |\n<b>#1</b>", list(ROWS[0]), ROWS, ROLES, source))
    dataset.mark([1, 2], status="discarded")
    dataset.mark([3], status="draft")
    dataset.mark([4], status="accepted", golden=True)
    return dataset


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # the stand-in speaks git LFS
    with serve_push_hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


def read_card(text):
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def title_of(check):
    return find_check(check).title


# The card


def test_the_card_says_what_is_in_a_dataset(home, dataset):
    head, body = read_card(describe_dataset(home, dataset))
    assert head == {
        "license": "cc-by-4.0",
        "pretty_name": "Sums | <b>#1</b>",
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "tags": ["supervised-fine-tuning"],
    }
    assert "# Sums \\| &lt;b&gt;\\#1&lt;/b&gt;\n\n40 examples for supervised fine-tuning." in body
    assert "| q | instruction | text |\n| a | output | text |\n| n | ignore | whole numbers |\n" in body
    assert "| mixed | ignore | values of several types |" in body
    assert "It was read from the file sums.csv.\n\n3 changes were made to it afterwards in SFT Studio." in body
    assert "Review: pending 36, discarded 2, accepted 1, draft 1; 1 golden." in body
    assert dataset.content_hash() in body
    assert body.endswith("## Licence\n\nCC-BY-4.0\n")
    assert describe_dataset(home, dataset) == describe_dataset(home, dataset)


def test_a_card_of_some_rows_counts_those(home, dataset):
    body = read_card(describe_dataset(home, dataset, [1, 2, 5]))[1]
    assert "\n3 examples" in body and "Review: discarded 2, pending 1." in body


@pytest.mark.parametrize(
    ("licence", "written"),
    [
        ("", {"license": "cc-by-4.0"}),
        ("MIT", {"license": "mit"}),
        ("School: internal use", {"license": "other", "license_name": "school-internal-use"}),
    ],
)
def test_a_licence_is_written_as_the_hub_knows_it(home, dataset, licence, written):
    head, _ = read_card(describe_dataset(home, dataset, licence=licence))
    assert {key: value for key, value in head.items() if key.startswith("license")} == written


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"example": "capitals"}, "It began as the example capitals of SFT Studio."),
        (
            {"hub": "acme/x_y", "revision": "abc", "subset": "de", "split": "train"},
            "It was read from acme/x\\_y on the Hugging Face hub (revision abc, subset de, split train).",
        ),
        ({"hub": "acme/x"}, "It was read from acme/x on the Hugging Face hub."),
        ({}, "Its rows were written or pasted into SFT Studio."),
    ],
)
def test_a_card_says_where_the_rows_came_from(source, sentence):
    assert describe_origin(source) == sentence


def test_a_card_tells_what_the_checks_found(home, dataset):
    assert "## Checks" not in describe_dataset(home, dataset)
    dataset.edit(7, {"a": ""})
    dataset.edit(8, {"a": ""})
    run(home, dataset.id, {}, lambda *_: None, lambda: False)
    dataset.edit(9, {"a": "nine"})
    body = read_card(describe_dataset(home, dataset))[1]
    assert "## Checks\n\nRows of the whole dataset that the checks point at: " in body
    assert f"{title_of('empty_answer')} 2" in body and "Rows added or changed since then: 1." in body


def test_a_card_is_never_written_over_something(tmp_path):
    write_new(tmp_path / "README.md", "card\n")
    with pytest.raises(DataError, match=r"'README\.md' exists already and is not overwritten"):
        write_new(tmp_path / "README.md", "other")
    with pytest.raises(DataError, match=r"could not be written \(No such file or directory\)"):
        write_new(tmp_path / "no" / "README.md", "card")
    assert (tmp_path / "README.md").read_text() == "card\n"


# The package


def test_a_package_holds_each_split_and_no_row_that_was_set_aside(home, dataset, tmp_path):
    package = write_package(home, dataset, tmp_path, SETTINGS)
    assert package.left_out == {"draft": 1, "discarded": 2}
    assert package.files == ["README.md", "data/train.parquet", "data/validation.parquet", "data/test.parquet"]
    splits = assign_splits(home, dataset, SETTINGS).splits
    names = {"train": "train", "eval": "validation", "test": "test"}
    found = {}
    for split, name in names.items():
        table = pyarrow.parquet.read_table(tmp_path / "data" / f"{name}.parquet")
        assert [str(field.type) for field in table.schema] == ["string", "string", "int64", "string"]
        found |= {row["n"] + 1: split for row in table.to_pylist()}
        assert package.counts[name] == table.num_rows > 0
    assert found == {row_id: split for row_id, split in splits.items() if row_id > 3}
    assert found[4] == "test"  # golden
    head, body = read_card((tmp_path / "README.md").read_text(encoding="utf-8"))
    assert head["configs"] == [
        {
            "config_name": "default",
            "data_files": [{"split": name, "path": f"data/{name}.parquet"} for name in names.values()],
        }
    ]
    assert "| mixed | ignore | JSON as text, because the values are of several types |" in body
    assert f"| validation | {package.counts['validation']} |" in body


def test_there_must_be_something_to_publish(home, dataset, tmp_path):
    dataset.mark(range(1, 41), status="draft")
    with pytest.raises(DataError, match="has no row to publish"):
        write_package(home, dataset, tmp_path, SETTINGS)
    assert list(tmp_path.glob("data*")) == []


# Pushing


def test_a_dataset_is_pushed_privately(home, dataset, hub, tmp_path):
    said = []
    pushed = push_to_hub(home, dataset, NAME, settings=SETTINGS, progress=lambda message, _: said.append(message))
    repository = hub.repositories[NAME]
    assert repository.private and pushed.private and pushed.url == f"{hub.endpoint}/datasets/{NAME}"
    package = write_package(home, dataset, tmp_path, SETTINGS)
    assert repository.files == {file: (tmp_path / file).read_bytes() for file in package.files}
    assert (pushed.counts, pushed.left_out) == (package.counts, {"draft": 1, "discarded": 2})
    assert said == ["Writing the files", f"Making {NAME}", f"Sending 4 files to {NAME}"]
    assert not list(home.cache(dataset.id).glob("push-*"))
    everything = b"".join(repository.files.values()) + json.dumps([said, pushed.url]).encode()
    assert TOKEN.encode() not in everything


def test_pushing_again_updates_and_takes_away_what_is_no_longer_there(home, dataset, hub):
    push_to_hub(home, dataset, NAME, settings=SETTINGS)
    dataset.mark([4], golden=False)
    pushed = push_to_hub(home, dataset, NAME, settings=DataSettings(eval_fraction=0, test_fraction=0))
    files = hub.repositories[NAME].files
    assert sorted(files) == ["README.md", "data/train.parquet"] and pushed.counts == {"train": 37}
    assert pyarrow.parquet.read_table(io.BytesIO(files["data/train.parquet"])).num_rows == 37
    assert hub.repositories[NAME].commits == 2


def test_public_only_when_asked(home, dataset, hub):
    assert not push_to_hub(home, dataset, NAME, private=False).private
    assert not hub.repositories[NAME].private


@pytest.mark.parametrize("policy", [False, True])
def test_private_rows_never_go_where_everybody_sees_them(home, dataset, hub, policy):
    if policy:
        hub.public_by_policy = True
    else:
        hub.repositories[NAME] = Repository(private=False)
    with pytest.raises(DataError, match=r"acme/sums is public on the hub, so private data was not sent there"):
        push_to_hub(home, dataset, NAME)
    assert hub.repositories[NAME].files == {} and hub.objects == {}


def test_files_of_others_are_not_touched(home, dataset, hub):
    hub.repositories[NAME] = Repository(
        private=True, files={"README.md": b"x", "train.csv": b"a", ".gitattributes": b""}
    )
    with pytest.raises(DataError, match=r"holds files that were not pushed from here \('train.csv'\), so nothing was"):
        push_to_hub(home, dataset, NAME)
    assert hub.repositories[NAME].commits == 0 and hub.objects == {}


@pytest.mark.parametrize(
    "name",
    [
        "sums",
        "a/b/c",
        "../x/y",
        "acme/",
        "/sums",
        "acme/a b",
        "acme/a..b",
        "acme/-a",
        "acme/a.git",
        "https://x/y",
        "a--b/c",
    ],
)
def test_a_name_is_owner_and_name(home, dataset, hub, name):
    with pytest.raises(DataError, match="write owner/name"):
        push_to_hub(home, dataset, name)
    assert hub.asked == []


def test_without_a_token_nobody_is_asked(home, dataset, hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    with pytest.raises(DataError, match="needs a token that may write: set HF_TOKEN in the environment"):
        push_to_hub(home, dataset, NAME)
    assert hub.asked == []


def test_a_token_that_is_not_accepted(home, dataset, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(DataError) as error:
        push_to_hub(home, dataset, NAME)
    assert str(error.value) == "The hub did not accept the token when asked to write acme/sums: renew HF_TOKEN."


def test_an_owner_that_is_somebody_else(home, dataset, hub):
    with pytest.raises(DataError) as error:
        push_to_hub(home, dataset, "other/sums")
    assert str(error.value) == (
        "The token may not write other/sums on the hub: use one with write access to 'other', or push under your own "
        "name."
    )


def test_a_connection_that_breaks_off(home, dataset, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    hub.breaking = "/objects/"
    with pytest.raises(DataError) as error:
        push_to_hub(home, dataset, NAME)
    assert str(error.value) == "The upload to acme/sums broke off. Push again: what is there already is not sent twice."
    assert hub.repositories[NAME].commits == 0
    hub.breaking = ""
    assert push_to_hub(home, dataset, NAME).private and hub.repositories[NAME].commits == 1


def test_nobody_listens(home, dataset, hub, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(DataError) as error:
        push_to_hub(home, dataset, NAME)
    assert str(error.value) == "The hub cannot be reached (no connection). Push again when it can."
