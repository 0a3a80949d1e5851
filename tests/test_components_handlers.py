"""Handlers of the Data tab without a browser: what a press does to rows and page, and what it must not do."""

import time
from collections import defaultdict

import gradio as gr
import pytest

from components.data.cells import Opened
from components.data.quality import CHANGED
from components.data.trash import PAGE, render_trash
from studio.data.store import create_dataset, open_dataset
from studio.data.view import Query, facts
from studio.home import open_home
from tests.data_app import build_page

ROLES = {"instruction": "instruction", "output": "output"}
PATIENCE = 30  # s


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def make(home, count: int):
    rows = [{"instruction": f"question {n}", "output": f"answer {n}"} for n in range(1, count + 1)]
    return open_dataset(home, create_dataset(home, "Rows", list(ROLES), rows, ROLES, {}))


class Data:
    """A page on a dataset, and what its components hold as far as a test says so."""

    def __init__(self, home, dataset, row_id: int | None = None, query: Query | None = None):
        self.page = build_page(home.path)
        self.dataset = dataset
        self.values = defaultdict(lambda: None)
        view = {"offset": 0, "size": 50, "query": (query or Query()).to_json()}
        self.set_kept(dataset=dataset.id, row=row_id, **{"data-view": view})
        if row_id is not None:
            opened = Opened(dataset.id, row_id, dataset.row(row_id).version)
            self.values[self.part("data-opened")] = str(opened)

    def part(self, elem_id: str):
        return next(block for block in self.page.blocks.values() if getattr(block, "elem_id", None) == elem_id)

    def kept(self, name: str):
        """One of the states that the browser keeps."""
        states = (block for block in self.page.blocks.values() if isinstance(block, gr.BrowserState))
        return next(state for state in states if state.storage_key == f"sft-studio-{name}")

    def set_kept(self, **states) -> None:
        for name, value in states.items():
            self.values[self.kept(name)] = value

    def handler(self, elem_id: str, name: str = ""):
        """What listens to a component (the function of that name, where there are several)."""
        for listener in self.page.fns.values():
            heard = [getattr(self.page.blocks.get(at), "elem_id", None) for at, _ in listener.targets]
            if listener.fn and elem_id in heard and name in ("", listener.fn.__name__):
                return listener.fn
        raise AssertionError(f"nothing listens to {elem_id}")

    def press(self, elem_id: str, name: str = "", **sent) -> dict:
        event = [gr.EventData(None, sent)] if sent else []
        return self.handler(elem_id, name)(self.values, *event)


@pytest.fixture
def unknown(monkeypatch):
    """A dataset so large that a process in the background has not counted its rows yet."""
    monkeypatch.setattr(facts, "INLINE_ROWS", 3)
    monkeypatch.setattr(facts, "start_building", lambda home, dataset: None)


def test_the_next_row_comes_while_the_rows_are_still_counted(home, unknown):
    page = Data(home, make(home, 10), 5)
    shown = page.press("data-accept", "judge_row")
    assert page.dataset.row(5).marks.status == "accepted"
    assert shown[page.kept("row")] == 6
    assert page.press("data-skip")[page.kept("row")] == 6
    shown = page.press("data-delete")
    assert shown[page.kept("row")] == 6


def test_rows_that_are_not_known_yet_are_no_empty_result(home, unknown):
    page = Data(home, make(home, 10), query=Query(status=("pending",)))
    html = page.press("data-grid", "refresh")[page.part("data-grid")]
    assert "data-waiting" in html and "still being read" in html and "No row matches" not in html
    page.values.update({each: "rows" for each in page.page.blocks.values() if isinstance(each, gr.State)})
    html = page.press("data-facets", "count")[page.part("data-facets")]
    assert "data-preparing" in html and "pending" not in html


def test_rows_that_came_are_shown_and_opened(home):
    page = Data(home, make(home, 3), query=Query(status=("pending",)))
    shown = page.press("data-grid", "refresh")
    assert "data-waiting" not in shown[page.part("data-grid")]
    assert shown[page.kept("row")] == 1


def test_the_first_mark_can_be_undone(home):
    page = Data(home, make(home, 2), 1)
    page.values[page.part("data-tags")] = "kept"
    shown = page.press("data-tags")
    assert page.dataset.row(1).marks.tags == ("kept",)
    assert shown[page.part("data-undo")].interactive


def test_a_view_that_is_none_turns_pages(home):
    page = Data(home, make(home, 60), 1)
    page.set_kept(**{"data-view": "junk"})
    shown = page.press("data-grid", "turn", offset=50, size=50, edge="")
    assert shown[page.kept("data-view")]["offset"] == 50


def test_ticks_do_not_follow_to_another_dataset(home):
    page, other = Data(home, make(home, 2), 1), make(home, 2)
    page.values[page.part("data-dataset")] = other.id
    assert [] in page.press("data-dataset", "switch").values()


def test_a_repair_is_made_only_as_it_was_seen(home):
    dataset = make(home, 2)
    page = Data(home, dataset, 1)
    looked = page.part("data-repair")
    seen = f"{dataset.id}:{dataset.version}"
    dataset.edit(2, {"output": "changed by somebody else"})
    for act in ("repair", "keep", "merge"):
        shown = page.press("data-repair", "act", act=act, check="empty_answer", seen=seen, kept="1", rows="1,2")
        assert CHANGED in shown[looked]
    assert [row.values["output"] for row in dataset.rows()] == ["answer 1", "changed by somebody else"]


def test_the_trash_shows_its_last_page_where_there_are_no_more(home):
    dataset = make(home, PAGE + 2)
    dataset.delete(range(1, PAGE + 2))
    assert render_trash(dataset, PAGE, False).count("<article") == 1
    dataset.restore([1, 2, 3])
    html = render_trash(dataset, PAGE, False)
    assert html.count("<article") == PAGE - 2 and "Previous" not in html


def test_a_name_that_was_typed_outlives_a_correction(home):
    page = Data(home, make(home, 1))
    shown = page.handler("data-read-text")("question,answer\nWhy?,Because\n", None)
    page.values.update({state: value for state, value in shown.items() if isinstance(state, gr.State)})
    name, deadline = page.part("data-name"), time.monotonic() + PATIENCE
    while not (named := page.press("data-pending", "refresh")[name]).visible and time.monotonic() < deadline:
        time.sleep(0.05)
    assert named.value
    page.values[name] = "My questions"
    shown = page.press("data-pending", "act", act="role", column="question", value="ignore")
    assert shown[name].value == "My questions"


def test_a_text_that_came_another_way_meanwhile_is_shown_in_the_table(home):
    """A page is reloaded while its text is on the way: the text is typed again, and is in the store already."""
    dataset = make(home, 3)
    data = Data(home, dataset, row_id=2)
    dataset.edit(2, {"output": "typed"})
    settle, event = data.handler("data-grid", "settle"), gr.EventData(None, {"quiet": True})
    for output, seen in (("answer 2", False), ("typed", True)):
        data.values |= {data.part("data-field-0"): "question 2", data.part("data-field-1"): output}
        shown = settle(data.values, event)
        assert (data.part("data-grid") in shown) is seen
    assert ">typed<" in shown[data.part("data-grid")]
    assert dataset.row(2).values["output"] == "typed"
