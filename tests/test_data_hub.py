"""Rows of datasets on the hub: a stand-in for it on this machine; no test here leaves the machine."""

import gzip
import json
import socket
import time

import pyarrow
import pyarrow.parquet
import pytest

from studio.data.importing.hub_parts import HubPart, find_parts, labels_of_card, match
from studio.data.importing.hub_rows import list_hub_parts, read_hub
from studio.data.reading import BadRowsError, Limits
from studio.errors import DataError
from tests.hub_stand_in import COMMIT, CONVERTED_COMMIT, Repository, serve_datasets

NAME = "acme/questions"
ROWS = [{"question": f"How much is {n} + {n}?", "answer": f"{2 * n}"} for n in range(50)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in with an empty dataset, to which HF_ENDPOINT leads."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with serve_datasets() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        server.datasets[NAME] = Repository(tmp_path / "published")
        (tmp_path / "published").mkdir()
        yield server


def publish(hub, files, card=None):
    """Put files (path -> text, bytes or a pyarrow table) into the dataset."""
    kept = hub.datasets[NAME]
    write_files(kept.folder, files)
    kept.card = card or {}


def write_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pyarrow.Table):
            pyarrow.parquet.write_table(content, path, row_group_size=1000)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def parts_of(found):
    return [(part.subset, part.split, part.files) for part in found.parts]


def test_splits_are_told_by_the_files_names(hub):
    publish(hub, {"README.md": "# Q", "test.jsonl": LINES, "data/train.jsonl": LINES, "dev.jsonl": LINES, "x.py": ""})
    found = list_hub_parts(NAME)
    assert parts_of(found) == [
        ("default", "train", ("data/train.jsonl",)),
        ("default", "validation", ("dev.jsonl",)),
        ("default", "test", ("test.jsonl",)),
    ]
    assert (found.revision, found.converted, found.parts[0].size) == (COMMIT, False, len(LINES))
    assert hub.sent() == 0


def test_subsets_are_those_of_the_card(hub):
    files = {"a/1.csv": "q,a\n1,007\n", "a/2.csv": "q,a\n2,NA\n", "b/test.csv": "q,a\n3,1e5\n", "other.csv": "x\n"}
    card = {
        "license": "cc-by-4.0",
        "configs": [
            {"config_name": "easy", "data_files": [{"split": "train", "path": "a/*.csv"}]},
            {"config_name": "hard", "default": True, "data_files": [{"split": "exam", "path": ["b/**"]}]},
        ],
    }
    publish(hub, files, card)
    found = list_hub_parts(NAME)
    assert parts_of(found) == [("hard", "exam", ("b/test.csv",)), ("easy", "train", ("a/1.csv", "a/2.csv"))]
    assert (found.licence, found.subsets(), found.splits("easy")) == ("cc-by-4.0", ["hard", "easy"], ["train"])
    parsed = read_hub(NAME, "easy", "train")
    assert list(parsed.rows) == [{"q": "1", "a": "007"}, {"q": "2", "a": "NA"}]
    assert parsed.format == "csv" and parsed.delimiter == ","
    assert parsed.source == {
        "hub": NAME,
        "revision": COMMIT,
        "subset": "easy",
        "split": "train",
        "licence": "cc-by-4.0",
    }
    assert list(read_hub(NAME).rows) == [{"q": "3", "a": "1e5"}]


@pytest.mark.parametrize(
    "name", ["train.jsonl", "train.json", "train.jsonl.gz", "array.json", "array.json.gz", "data.json"]
)
def test_json_of_every_shape(hub, name):
    content = {"train": LINES, "array": json.dumps(ROWS), "data": json.dumps({"data": ROWS})}[name.partition(".")[0]]
    publish(hub, {name: gzip.compress(content.encode()) if name.endswith(".gz") else content})
    parsed = read_hub(NAME)
    assert list(parsed.rows) == ROWS
    assert parsed.format == "json"
    assert list(read_hub(NAME, limit=7).rows) == ROWS[:7]


def test_a_limit_fetches_a_fraction(hub):
    text = [f"row {n} " + str(n) * 400 for n in range(20_000)]
    publish(hub, {"train-00000-of-00001.parquet": pyarrow.table({"text": text}), "test.jsonl": LINES * 5_000})
    whole = (hub.datasets[NAME].folder / "train-00000-of-00001.parquet").stat().st_size
    parsed = read_hub(NAME, split="train", limit=1_500)
    assert [row["text"] for row in parsed.rows] == text[:1_500]
    assert parsed.notes == ["Only the first 1,500 rows were read."]
    lines = read_hub(NAME, split="test", limit=10)
    assert list(lines.rows) == ROWS[:10]
    assert 0 < hub.sent() < whole + 3_000_000 < whole + len(LINES) * 5_000
    assert len(read_hub(NAME, split="train").rows) == 20_000


def test_names_of_integer_labels_come_along(hub):
    features = {"label": {"_type": "ClassLabel", "names": ["bad", "good"]}}
    table = pyarrow.table({"text": ["x"], "label": [1]})
    told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    publish(hub, {"train.parquet": table.replace_schema_metadata(told)})
    assert read_hub(NAME).label_names == {"label": ["bad", "good"]}

    named = {"name": "stars", "dtype": {"class_label": {"names": {"0": "one", "1": "two"}}}}
    publish(hub, {"train.parquet": pyarrow.table({"stars": [1]})}, {"dataset_info": {"features": [named]}})
    assert read_hub(NAME).label_names == {"stars": ["one", "two"]}


def test_what_needs_a_script_is_read_as_the_hub_converted_it(hub, tmp_path):
    publish(hub, {"questions.py": "print('never run')", "raw.csv": "a,b\n1,2\n"})
    write_files(
        tmp_path / "converted",
        {
            "plain/test/0000.parquet": pyarrow.table({"q": ["t"]}),
            "plain/partial-train/0000.parquet": pyarrow.table({"q": ["x"]}),
            "plain/partial-train/0001.parquet": pyarrow.table({"q": ["y"]}),
        },
    )
    hub.datasets[NAME].converted = tmp_path / "converted"
    found = list_hub_parts(NAME)
    assert [(part.subset, part.split) for part in found.parts] == [("plain", "train"), ("plain", "test")]
    assert (found.converted, found.revision) == (True, CONVERTED_COMMIT)
    parsed = read_hub(NAME)
    assert list(parsed.rows) == [{"q": "x"}, {"q": "y"}]
    assert parsed.notes == ["Read from the Parquet files that the hub made of this dataset."]


def test_bad_rows_name_their_file(hub):
    publish(hub, {"train/a.jsonl": '{"q": "1"}\n', "train/b.jsonl": '{"q": "2"}\n[3]\n'})
    with pytest.raises(BadRowsError) as caught:
        read_hub(NAME)
    assert str(caught.value).startswith("'acme/questions', line 2: in 'train/b.jsonl', a row must be an object")
    parsed = read_hub(NAME, drop_bad_rows=True)
    assert [row["q"] for row in parsed.rows] == ["1", "2"]
    assert [problem.line for problem in parsed.problems] == [2]


ASKED_WRONGLY = {
    ("acme/none", None, None): (
        "'acme/none': there is no dataset with that name on the hub; check the spelling (owner/name), and if it is "
        "private put a token into HF_TOKEN, or log in with `hf auth login`. Nothing was imported."
    ),
    (NAME, "hard", None): f"{NAME} has no subset 'hard'. Choose one of 'default'.",
    (NAME, None, "exam"): f"{NAME} has no split 'exam'. Choose one of 'train', 'test'.",
    (NAME, None, None, None, "v9"): (
        f"'{NAME}': it has no such revision on the hub; use main, or a commit's hash. Nothing was imported."
    ),
    ("questions", None, None): "'questions' is no name of a dataset on the hub. Give it as owner/name.",
    ("../etc/passwd", None, None): "'../etc/passwd' is no name of a dataset on the hub. Give it as owner/name.",
    ("http://169.254.169.254/x", None, None): (
        "'http://169.254.169.254/x' is no name of a dataset on the hub. Give it as owner/name."
    ),
    (NAME, None, None, None, "../x"): "'../x' is no revision of a dataset. Give a branch, a tag or a commit's hash.",
}


@pytest.mark.parametrize("asked", ASKED_WRONGLY)
def test_what_there_is_not_is_said(hub, asked):
    publish(hub, {"train.jsonl": LINES, "test.jsonl": LINES})
    with pytest.raises(DataError) as caught:
        read_hub(*asked)
    assert str(caught.value) == ASKED_WRONGLY[asked]
    assert hub.sent() == 0


def test_a_gated_dataset_says_how_to_get_access(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    publish(hub, {"train.jsonl": LINES})
    hub.datasets[NAME].gated = True
    assert list_hub_parts(NAME).gated
    with pytest.raises(DataError) as caught:
        read_hub(NAME)
    assert str(caught.value) == (
        "'acme/questions': it is gated: request access on its page on the hub, then put a token of your account into "
        "HF_TOKEN, or log in with `hf auth login`. Nothing was imported."
    )
    assert "Bearer hf_canary" in hub.tokens


def test_the_token_stays_with_the_hub_when_files_lie_elsewhere(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    publish(hub, {"train.jsonl": LINES})
    hub.datasets[NAME].stored_apart = True
    assert list(read_hub(NAME).rows) == ROWS
    assert hub.tokens == {"Bearer hf_canary", None}  # None: asking whether it answers
    assert hub.stray_tokens == {None}


def test_a_compressed_file_is_given_up_past_the_limit(hub, monkeypatch):
    publish(hub, {"train.jsonl.gz": gzip.compress(LINES.encode() + b" " * 3_000_000)})
    monkeypatch.setattr("studio.data.importing.hub_rows.READ_LIMITS", Limits(seconds=60, decoded=2_000_000))
    with pytest.raises(DataError, match=r"'acme/questions': it holds more than 0\.002 GB once decoded; split it"):
        read_hub(NAME)
    assert list(read_hub(NAME, limit=5).rows) == ROWS[:5]


def test_nobody_listens(monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(DataError) as caught:
        read_hub(NAME)
    assert str(caught.value) == (
        f"'{NAME}': the hub at {endpoint} cannot be asked (no connection); check the network, or import a file. "
        "Nothing was imported."
    )


def test_offline_mode_asks_nobody(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match=r"cannot be asked \(switched off by HF_HUB_OFFLINE\)"):
        list_hub_parts(NAME)
    assert hub.asked == []


def test_nothing_readable_is_said(hub):
    publish(hub, {"README.md": "# Q", "pictures/a.png": b"\x89PNG", "all.zip": b"PK\x03\x04"})
    with pytest.raises(DataError, match="it holds no file that can be read"):
        list_hub_parts(NAME)


def test_a_cut_file_is_named(hub):
    publish(hub, {"train.jsonl.gz": gzip.compress(LINES.encode())[:-20]})
    with pytest.raises(DataError, match=r"the file 'train\.jsonl\.gz' is damaged or cut off"):
        read_hub(NAME)
    publish(hub, {"train.parquet": b"PAR1 nothing PAR1"})
    with pytest.raises(DataError, match="the Parquet file is damaged or cut off"):
        read_hub(NAME)


def test_reading_can_be_watched_and_stopped(hub):
    publish(hub, {"train.jsonl": LINES * 3_000})
    seen = []
    read_hub(NAME, progress=lambda message, fraction: seen.append((message, fraction)), limit=150_000)
    assert seen and seen[-1][0].startswith("Reading acme/questions: ")
    assert 0 < seen[-1][1] <= 1
    started = time.monotonic()
    with pytest.raises(DataError, match=r"Reading acme/questions was stopped\. Nothing was imported\."):
        read_hub(NAME, should_stop=lambda: True)
    assert time.monotonic() - started < 2


def test_a_card_cannot_lead_out_of_the_repository():
    for hostile in ("http://127.0.0.1/x.csv", "/etc/passwd", "../other/x.csv", "file:///etc/hosts"):
        card = {"configs": [{"config_name": "x", "data_files": hostile}]}
        assert find_parts({"train.csv": 1}, card) == [HubPart("default", "train", ("train.csv",), 1)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.csv", ["a.csv"]),
        ("**", ["a.csv", "d/b-1.csv", "d/e/c[1].csv"]),
        ("**/*.csv", ["a.csv", "d/b-1.csv", "d/e/c[1].csv"]),
        ("d/*", ["d/b-1.csv"]),
        ("./d/**", ["d/b-1.csv", "d/e/c[1].csv"]),
        ("d/b-[0-9].csv", ["d/b-1.csv"]),
        ("d/b-[!0-9].csv", []),
        ("?.csv", ["a.csv"]),
        ("d/[z-a].csv", []),
    ],
)
def test_patterns(pattern, found):
    assert match(pattern, ["a.csv", "d/b-1.csv", "d/e/c[1].csv"]) == found


def test_cards_of_any_shape_are_borne():
    for card in ({}, {"configs": "x"}, {"configs": [1, {"data_files": "x"}]}, {"configs": [{"config_name": "c"}]}):
        assert [part.files for part in find_parts({"a.csv": 1}, card)] == [("a.csv",)]
    for info in (
        None,
        3,
        [],
        {"features": "x"},
        {"features": [{"name": "a", "dtype": {"class_label": {"names": {"1": "x"}}}}]},
    ):
        assert labels_of_card({"dataset_info": info}, "default") == {}
