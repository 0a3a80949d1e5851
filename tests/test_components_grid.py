"""The table of rows: what the grid's HTML says."""

import json
from html.parser import HTMLParser

import pytest

from components.data.grid import GridPage, View, read_view, render_empty, render_grid
from studio.data.formats import ColumnRole
from studio.data.store import create_dataset, open_dataset
from studio.data.store.marks import Marks
from studio.data.store.tables import Row
from studio.data.view.query import Query
from studio.home import open_home

PAYLOADS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "${alert(1)}",
    "{{x}}",
    "`${alert(1)}`",
    "\" onfocus=alert(1) autofocus='",
    "</td></tr></table><svg onload=alert(1)>",
)
ROLES = {"instruction": ColumnRole("instruction", 0.95, "the columns are those of alpaca")}


class Grid(HTMLParser):
    """The tags of a grid, its rows' ids, and the texts of its cells and of their states."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.ids: list[int] = []
        self.selected: list[int] = []
        self.cells: list[str] = []
        self.states: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.names |= set(found)
        if tag == "tr" and "data-id" in found:
            self.ids.append(int(found["data-id"]))
            self.selected += [self.ids[-1]] if found["aria-selected"] == "true" else []
        if tag == "td" and found.get("class") == "state":
            self.states.append(found["title"])
        if tag == "div" and found.get("class", "").startswith("cell"):
            self.inside = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "div"

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data


def draw(rows: list[Row], **more) -> Grid:
    return Grid(render_grid(GridPage(more.pop("name", "Rows"), more.pop("roles", ROLES), rows, len(rows), **more)))


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def make(home, count: int = 10, name: str = "Rows"):
    rows = [{"instruction": f"question {number}", "output": f"answer {number}"} for number in range(1, count + 1)]
    roles = {"instruction": "instruction", "output": "output"}
    return open_dataset(home, create_dataset(home, name, list(roles), rows, roles, {}))


# The grid


def test_no_payload_becomes_markup():
    marked = Marks(note="x", tags=("x",), golden=True)
    plain = draw([Row(1, {"instruction": "harmless"}, 0, marked)], found={1: ["x"]})
    for payload in PAYLOADS:
        hostile = {payload: ColumnRole("ignore", 0.4, payload)}
        view = View(0, 50, Query(search=payload, tags=(payload,), contains=((payload, payload),)))
        marks = Marks(note=payload, tags=(payload,), golden=True)
        row = Row(1, {payload: payload}, 0, marks)
        grid = draw([row], name=payload, roles=hostile, view=view, found={1: [payload]}, dataset=payload)
        assert grid.cells == [payload]
        assert grid.states[0].count(payload) == 3
        assert grid.tags == plain.tags
        assert grid.names == plain.names


def test_cells_that_are_no_text_are_shown_as_json():
    value = {"path": "/etc/passwd", "note": "<b>"}
    grid = draw([Row(1, {"instruction": value}, 0), Row(2, {"instruction": None}, 0), Row(3, {"instruction": 7}, 0)])
    assert grid.cells == [json.dumps(value), "", "7"]
    assert "b" not in grid.tags


def test_only_what_the_browser_gives_back_unchanged_is_edited_in_place():
    texts = {"short": True, "x" * 1500: True, "x" * 1501: False, "a\r\nb": False, "a\0b": False, "": True}
    for text, expected in texts.items():
        html = render_grid(GridPage("Rows", ROLES, [Row(1, {"instruction": text}, 0)], 1))
        assert ("data-inplace" in html) is expected, text[:9]
    assert "data-inplace" not in render_grid(GridPage("Rows", ROLES, [Row(1, {"instruction": [1]}, 0)], 1))


def test_every_row_tells_its_state_in_words():
    marks = Marks("accepted", ("urgent", "two words"), "ask again", True)
    grid = draw([Row(1, {}, 0, marks), Row(2, {}, 0)], found={1: ["Empty answers"]})
    assert grid.states == [
        "accepted; golden: kept for the test; found by: Empty answers; note: ask again; tags: urgent, two words",
        "pending",
    ]


def test_only_a_page_that_edits_has_boxes_to_tick():
    rows = [Row(1, {"instruction": "x"}, 0), Row(2, {"instruction": "y"}, 0)]
    assert draw(rows).tags.count("input") - draw(rows, read_only=True).tags.count("input") == 3


def test_headers_sort_and_tell_the_order():
    rows = [Row(1, {"instruction": "x"}, 0)]
    up, down = (
        render_grid(GridPage("Rows", ROLES, rows, 1, View(query=Query(sort="column:instruction", descending=down))))
        for down in (False, True)
    )
    assert up.count('aria-sort="ascending"') == 1 and up.count('aria-sort="none"') == 2
    assert 'aria-sort="descending"' in down and "▼" in down and "▲" in up
    assert 'data-sort="column:instruction"' in up and 'data-sort="id"' in up and 'data-sort="status"' in up


def test_ticks_end_where_other_rows_come_into_view():
    def key(**more) -> str:
        view = View(0, 50, Query(**more.pop("query", {})))
        return render_grid(GridPage("Rows", ROLES, [], 0, view, **more)).partition('data-key="')[2].partition('"')[0]

    assert key() == key(query={"sort": "id", "descending": True})
    assert len({key(), key(dataset="a"), key(query={"search": "x"}), key(query={"status": ("draft",)})}) == 4


def test_a_conversation_is_shown_turn_by_turn():
    turns = [{"role": "user", "content": "<b>Hi"}, {"role": "assistant", "content": "Hello"}]
    grid = draw([Row(1, {"instruction": turns}, 0), Row(2, {"instruction": [{"from": "human", "value": "x"}]}, 0)])
    assert grid.cells == ["user: <b>Hi\nassistant: Hello", "human: x"]
    assert "b" not in grid.tags


def test_a_long_cell_is_clipped():
    assert draw([Row(1, {"instruction": "y" * 9000}, 0)]).cells == ["y" * 1500 + "…"]


def test_the_header_tells_role_and_reason():
    unsure = {"a": ColumnRole("output", 0.4, "the word 'answer'"), "b": ColumnRole("ignore", 1.0, "chosen by you")}
    html = render_grid(GridPage("Rows", unsure, [], 0))
    assert '<option value="output" selected>' in html
    assert 'title="the word &#x27;answer&#x27;">check: 40% sure' in html
    assert ">chosen</span>" in html
    assert "disabled" not in html.partition("</thead>")[0]
    assert "disabled" in render_grid(GridPage("Rows", unsure, [], 0, read_only=True)).partition("</thead>")[0]


def test_many_columns_are_counted():
    roles = {f"c{number}": ColumnRole("ignore", 1.0, "") for number in range(20)}
    html = render_grid(GridPage("Rows", roles, [], 0))
    assert html.count("<select data-column") == 16
    assert "4 more columns" in html


def test_empty_states_say_what_to_do():
    assert "Press “Add data”" in render_empty(read_only=False)
    assert "Add data" not in render_empty(read_only=True)
    assert "Press “Add row”" in render_grid(GridPage("Rows", ROLES, [], 0))
    assert "Press" not in render_grid(GridPage("Rows", ROLES, [], 0, read_only=True))
    searched, filtered = (
        render_grid(GridPage("Rows", ROLES, [], 0, View(query=query)))
        for query in (Query(search="<b>"), Query(status=("draft",)))
    )
    assert "No row holds “&lt;b&gt;”. Change the search" in searched
    assert "No row matches. Take a filter away" in filtered


# Pages


@pytest.mark.parametrize(
    ("offset", "total", "expected", "pages"),
    [(0, 0, 0, 1), (0, 50, 0, 1), (50, 51, 50, 2), (50, 50, 0, 1), (1000, 412, 400, 9), (37, 412, 0, 9)],
)
def test_a_view_stays_within_the_rows(offset, total, expected, pages):
    view = View(offset, 50).within(total)
    assert (view.offset, view.pages(total), view.page) == (expected, pages, expected // 50 + 1)


@pytest.mark.parametrize(
    "values",
    [
        None,
        "x",
        {},
        {"offset": "1", "size": 7},
        {"offset": -5, "size": None},
        {"offset": True},
        {"query": "x"},
        {"query": {"status": ["?"]}},
        {"query": {"golden": "x", "never": 1}},
    ],
)
def test_a_view_from_the_page_may_be_anything(values):
    assert read_view(values) == View(0, 50)


def test_a_view_keeps_what_is_allowed():
    kept = {"offset": 75, "size": 25, "query": {"search": "old", "status": ["draft"], "lengths": {"answer": [1, 9]}}}
    query = Query(search="x", status=("draft",), lengths={"answer": (1, 9)})
    assert read_view(kept, "x") == View(75, 25, query)
    assert read_view(View(75, 25, query).to_json()) == View(75, 25, query)
    assert read_view(kept).query.search == "old"
    assert read_view({"offset": 80, "size": 100}) == View(0, 100)


def test_the_pager_tells_where_one_is():
    rows = [Row(number, {"instruction": "x"}, 0) for number in range(51, 101)]
    html = render_grid(GridPage("Rows", ROLES, rows, 412, View(50, 50)))
    assert "Rows 51–100 of 412" in html
    assert 'data-offset="0">Previous' in html
    assert 'data-offset="100">Next' in html
    last = render_grid(GridPage("Rows", ROLES, rows[:12], 412, View(400, 50)))
    assert "Rows 401–412 of 412" in last
    assert "that match" in render_grid(GridPage("Rows", ROLES, rows, 412, View(query=Query(golden=True))))
    assert 'data-offset="450" disabled>Next' in last


def test_the_grid_carries_the_ids_of_the_store_after_a_deletion_and_in_a_search(home):
    dataset = make(home, 30)
    dataset.delete([2, 3, 11])
    rows = dataset.page(0, 25)
    assert draw(rows, selected=5).ids == [1, *range(4, 11), *range(12, 29)]
    found = draw(dataset.page(0, 25, "answer 1"), selected=12)
    assert found.ids == [1, 10, *range(12, 20)]
    assert found.selected == [12]
