"""The Data tab without a browser: what the grid's HTML says, and how texts become cells."""

import json
from collections import defaultdict
from html.parser import HTMLParser

import gradio as gr
import pytest

from components import cells
from components.data_importing import describe_import, render_problems
from components.data_views import describe_roles, describe_source
from components.grid import GridPage, View, read_view, render_empty, render_grid
from studio.data.dataset import EditConflict
from studio.data.formats import ColumnRole
from studio.data.importing import import_file
from studio.data.reading import Problem
from studio.data.store import create_dataset, open_dataset
from studio.data.tables import Row
from studio.errors import DataError
from studio.home import open_home
from tests.data_app import build_page

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
    """The tags of a grid, its rows' ids and the texts of its cells."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.ids: list[int] = []
        self.selected: list[int] = []
        self.cells: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.names |= set(found)
        if tag == "tr" and "data-id" in found:
            self.ids.append(int(found["data-id"]))
            self.selected += [self.ids[-1]] if found["aria-selected"] == "true" else []
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
    plain = draw([Row(1, {"instruction": "harmless"}, 0)])
    for payload in PAYLOADS:
        hostile = {payload: ColumnRole("ignore", 0.4, payload)}
        grid = draw([Row(1, {payload: payload}, 0)], name=payload, roles=hostile, view=View(0, 50, payload))
        assert grid.cells == [payload]
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
    assert "Load an example" in render_empty(read_only=False)
    assert "Load an example" not in render_empty(read_only=True)
    assert "Press “Add row”" in render_grid(GridPage("Rows", ROLES, [], 0))
    assert "No row holds “&lt;b&gt;”" in render_grid(GridPage("Rows", ROLES, [], 0, View(0, 50, "<b>")))


# Pages


@pytest.mark.parametrize(
    ("offset", "total", "expected", "pages"),
    [(0, 0, 0, 1), (0, 50, 0, 1), (50, 51, 50, 2), (50, 50, 0, 1), (1000, 412, 400, 9), (37, 412, 0, 9)],
)
def test_a_view_stays_within_the_rows(offset, total, expected, pages):
    view = View(offset, 50).within(total)
    assert (view.offset, view.pages(total), view.page) == (expected, pages, expected // 50 + 1)


@pytest.mark.parametrize(
    "values", [None, "x", {}, {"offset": "1", "size": 7}, {"offset": -5, "size": None}, {"offset": True}]
)
def test_a_view_from_the_page_may_be_anything(values):
    assert read_view(values) == View(0, 50)


def test_a_view_keeps_what_is_allowed():
    assert read_view({"offset": 75, "size": 25}, "x") == View(75, 25, "x")
    assert read_view({"offset": 80, "size": 100}) == View(0, 100)


def test_the_pager_tells_where_one_is():
    rows = [Row(number, {"instruction": "x"}, 0) for number in range(51, 101)]
    html = render_grid(GridPage("Rows", ROLES, rows, 412, View(50, 50)))
    assert "Rows 51–100 of 412" in html
    assert 'data-offset="0">Previous' in html
    assert 'data-offset="100">Next' in html
    last = render_grid(GridPage("Rows", ROLES, rows[:12], 412, View(400, 50)))
    assert "Rows 401–412 of 412" in last
    assert 'data-offset="450" disabled>Next' in last


def test_the_grid_carries_the_ids_of_the_store_after_a_deletion_and_in_a_search(home):
    dataset = make(home, 30)
    dataset.delete([2, 3, 11])
    rows = dataset.page(0, 25)
    assert draw(rows, selected=5).ids == [1, *range(4, 11), *range(12, 29)]
    found = draw(dataset.page(0, 25, "answer 1"), selected=12)
    assert found.ids == [1, 10, *range(12, 20)]
    assert found.selected == [12]


# Texts and cells


@pytest.mark.parametrize("value", ["007", "", None, 7, 1.5, True, {"a": [1]}, [{"role": "user", "content": "ü\n"}]])
def test_a_cell_that_was_not_touched_stays_the_same(value):
    assert cells.read_cell(cells.show_cell(value), value, "c") is value
    assert cells.read_cell(cells.show_cell(value).replace("\n", "\r\n"), value, "c") is value


def test_text_stays_text_and_json_stays_json():
    assert cells.read_cell("1e5", "007", "c") == "1e5"
    assert cells.read_cell("null", None, "c") == "null"
    assert cells.read_cell("[1, 2]", [1], "c") == [1, 2]
    assert cells.read_cell("a\nb", "a\r\nb", "c") == "a\r\nb"


@pytest.mark.parametrize("text", ["[1, ", "", "NaN", "[" * 100_000, "9" * 5000])
def test_broken_json_is_refused(text):
    with pytest.raises(DataError, match="Column 'turns' holds JSON"):
        cells.read_cell(text, [1], "turns")


@pytest.mark.parametrize("text", ["rows", "rows:1", "../x:1:1", "rows:x:1", "rows:-1:1", f"rows:{2**63}:1", "a:b:c:d"])
def test_a_form_that_names_no_row_is_refused(text):
    with pytest.raises(DataError):
        cells.read_opened(text)


def test_a_form_knows_its_row():
    opened = cells.Opened("my-rows", 7, 3)
    assert cells.read_opened(str(opened)) == opened
    assert cells.read_opened("") is None


def test_a_form_saves_only_what_was_changed(home):
    dataset = make(home)
    opened = cells.Opened(dataset.id, 4, 0)
    assert cells.save_texts(dataset, opened, ["question 4", "answer 4"], 0) is None
    saved = cells.save_texts(dataset, opened, ["question 4", "better"], 0)
    assert saved.values == {"instruction": "question 4", "output": "better"}
    assert cells.save_texts(dataset, opened, ["question 4", "best"], saved.version).values["output"] == "best"


def test_a_form_never_overwrites_what_somebody_else_saved(home):
    dataset = make(home)
    theirs = dataset.edit(4, {"instruction": "their question"})
    opened = cells.Opened(dataset.id, 4, 0)
    assert cells.save_texts(dataset, opened, ["question 4", "answer 4"], 0) is None
    with pytest.raises(EditConflict):
        cells.save_texts(dataset, opened, ["question 4", "mine"], 0)
    kept = cells.save_texts(dataset, opened, ["question 4", "mine"], 0, force=True)
    assert kept.values == {"instruction": "their question", "output": "mine"}
    assert kept.version > theirs.version


def test_the_same_change_made_twice_is_no_conflict_and_no_new_edit(home):
    dataset = make(home)
    dataset.edit(4, {"output": "same"})
    assert cells.save_texts(dataset, cells.Opened(dataset.id, 4, 0), ["question 4", "same"], 0) is None


# Roles and imports


def test_roles_carry_the_reason_until_somebody_chooses(home):
    dataset = make(home)
    assert describe_roles(dataset)["output"].reason.startswith("the columns are those of")
    dataset.set_mapping({"instruction": "instruction", "output": "system"})
    assert describe_roles(dataset)["output"] == ColumnRole("system", 1.0, "chosen by you")


def test_an_import_is_described(home, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    html = describe_import(import_file(home, path, allow_unmapped=True), path.name)
    assert "1 row from &#x27;notes.csv&#x27;: CSV, unknown format." in html
    assert "No column is the answer yet" in html


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
    assert "Typed here" in describe_source({})


# A read-only page

CHANGES = {
    "settle", "keep_mine", "save_cell", "set_role", "add", "duplicate", "delete", "undo", "redo",
    "load_example", "start_empty", "take_upload", "drop_rows",
}  # fmt: skip


def test_a_read_only_page_refuses_every_change(home):
    page = build_page(home.path, read_only=True)
    handlers = {listener.fn.__name__: listener.fn for listener in page.fns.values() if listener.fn}
    assert set(handlers) >= CHANGES
    event = gr.EventData(None, {})
    for name in CHANGES:
        arguments = [defaultdict(lambda: None)] + ([event] if name in ("settle", "save_cell", "set_role") else [])
        with pytest.raises(gr.Error, match="read-only"):
            handlers[name](*arguments)


def test_a_read_only_page_shows_no_edit_controls(home):
    def shown(read_only: bool) -> set[str]:
        blocks = build_page(home.path, read_only).blocks.values()
        return {block.elem_id for block in blocks if getattr(block, "elem_id", None) and block.visible is True}

    assert shown(False) - shown(True) == {"data-example", "data-load-example", "data-upload", "data-start-empty"}
    fields = [block for block in build_page(home.path, True).blocks.values() if isinstance(block, gr.Textbox)]
    assert not any(field.interactive for field in fields if (field.elem_id or "").startswith("data-field"))


def test_no_listener_of_the_tab_has_a_public_endpoint(home):
    page = build_page(home.path)
    assert len(page.fns) > 20
    assert {listener.api_visibility for listener in page.fns.values()} == {"private"}
