"""The Data tab without a browser: what it says of a dataset, and who may change rows."""

import ast
import inspect
from collections import Counter, defaultdict
from collections.abc import Callable

import gradio as gr
import pytest

from components.data.adding import describe_import
from components.data.adding_view import render_problems
from components.data.views import describe_roles, describe_source
from studio.data.formats import ColumnRole
from studio.data.importing import import_file
from studio.data.reading import Problem
from studio.data.store import create_dataset, open_dataset
from studio.home import open_home
from tests.data_app import build_page
from tests.source import dotted, parse, python_files


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


# Roles and imports


def test_roles_carry_the_reason_until_somebody_chooses(home):
    roles = {"instruction": "instruction", "output": "output"}
    made = create_dataset(home, "Rows", list(roles), [{"instruction": "question", "output": "answer"}], roles, {})
    dataset = open_dataset(home, made)
    assert describe_roles(dataset)["output"].reason.startswith("the columns are those of")
    dataset.set_mapping({"instruction": "instruction", "output": "system"})
    assert describe_roles(dataset)["output"] == ColumnRole("system", 1.0, "chosen by you")


def test_an_import_is_described(home, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    said = describe_import(import_file(home, path, allow_unmapped=True))
    assert said.startswith("1 row: CSV, unknown format.")
    assert "No column is the answer yet" in said


def test_problems_are_escaped_and_counted():
    html = render_problems([Problem(n, "<b>") for n in range(1, 601)], 9000, "cannot be used")
    assert "9,000 rows cannot be used" in html
    assert html.count("<li>") == 501
    assert "&lt;b&gt;" in html and "<b>Line 2</b>" in html
    assert "and 8,500 more" in html


def test_the_source_is_told_in_words():
    assert "Apache-2.0" in describe_source({"example": "x", "licence": "Apache-2.0"})
    source = {"file": "<b>.csv", "format": "csv", "family": "dolly", "dropped": 3}
    assert "From &#x27;&lt;b&gt;.csv&#x27;: CSV, dolly format; 3 rows were left out." in describe_source(source)
    assert "From the hub: &lt;b&gt;/x; licence mit." in describe_source({"hub": "<b>/x", "licence": "mit"})
    assert "Typed here" in describe_source({})


# What may change rows

CHANGES = {
    "settle", "keep_mine", "save_cell", "set_role", "add", "duplicate", "delete", "undo", "redo",
    "judge_row", "mark_row", "apply", "start_empty", "take_upload", "take_folder", "take_text", "look", "fetch",
    "take", "drop_rows", "push_rows", "save_now",
}  # fmt: skip
REPAIRS = {"run": "run", "repair": "repair", "keep": "choose_rows", "merge": "choose_rows"}
CHANGING_ACTS = {
    "data-examples": {"example": "load_example"},
    "data-quality": REPAIRS,
    "data-repair": REPAIRS,
    "data-versions": {"restore": "restore"},
    "data-trash": {"restore": "restore"},
}
"""elem_id of a panel's HTML -> the acts of its buttons that change rows, with their functions"""


def handlers_of(page) -> list[tuple[str, str, Callable]]:
    """(elem_id of what is listened to, name, function) of every handler of a page."""
    found = []
    for listener in page.fns.values():
        if listener.fn:
            source = page.blocks.get(listener.targets[0][0])
            found.append((getattr(source, "elem_id", None) or "", listener.fn.__name__, listener.fn))
    return found


def call(handler: Callable, **sent: object) -> None:
    """Call a handler as a page can that holds nothing but what it sends."""
    arguments = {"values": defaultdict(lambda: None), "evt": gr.EventData(None, sent)}
    handler(*(arguments.get(name, "1") for name in inspect.signature(handler).parameters))


def test_a_read_only_page_refuses_every_change(home):
    found = [each for each in handlers_of(build_page(home.path, read_only=True)) if each[1] in CHANGES]
    counts = Counter(name for _, name, _ in found)
    assert set(counts) == CHANGES
    assert counts["judge_row"] == counts["mark_row"] == 3  # accept, discard, draft; tags, note, golden
    for _, _, handler in found:
        with pytest.raises(gr.Error, match="read-only"):
            call(handler)


def test_a_read_only_page_refuses_the_changes_behind_the_buttons_of_panels(home):
    acts = {place: handler for place, name, handler in handlers_of(build_page(home.path, True)) if name == "act"}
    for place, names in CHANGING_ACTS.items():
        for name in names:
            with pytest.raises(gr.Error, match="read-only"):
                call(acts[place], act=name, example="complaints", row="1")


def test_every_guarded_handler_is_tried_above():
    guarded = {
        function.name
        for path in python_files("components/data")
        for function in ast.walk(parse(path))
        if isinstance(function, ast.FunctionDef)
        and any(isinstance(line, ast.Expr) and is_guard(line.value) for line in function.body)
    }
    behind = {function for names in CHANGING_ACTS.values() for function in names.values()}
    assert len(guarded) >= 20
    assert guarded - CHANGES - behind == {"begin"}, "add what is missing to CHANGES or CHANGING_ACTS"


def is_guard(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == "refuse_read_only"


def shown_ids(page) -> set[str]:
    """elem_ids of the components that are on the page when it opens: they and all around them are visible."""

    def is_shown(block) -> bool:
        return block is None or (getattr(block, "visible", True) is True and is_shown(block.parent))

    return {block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None) and is_shown(block)}


def test_a_read_only_page_shows_no_edit_controls(home):
    missing = shown_ids(build_page(home.path)) - shown_ids(build_page(home.path, read_only=True))
    assert missing == {
        "data-add-data", "data-many", "data-save", "data-add", "data-duplicate", "data-delete", "data-undo",
        "data-redo", "data-accept", "data-discard", "data-draft", "data-tags", "data-note", "data-golden",
        "data-push-repo", "data-push-licence", "data-push-private", "data-push", "data-pushed",
        "data-version-name", "data-version-note", "data-version-save",
    }  # fmt: skip
    fields = [block for block in build_page(home.path, True).blocks.values() if isinstance(block, gr.Textbox)]
    fields = [field for field in fields if (field.elem_id or "").startswith("data-field")]
    assert fields and not any(field.interactive for field in fields)


def test_no_listener_of_the_tab_has_a_public_endpoint(home):
    page = build_page(home.path)
    assert len(page.fns) > 60
    assert {listener.api_visibility for listener in page.fns.values()} == {"private"}
