"""Filters of the Data tab: what a click does to the query, and what pills, counts and histograms show."""

import re
from dataclasses import fields

import pytest

from components.data import facets
from studio.data.view import Bin, Facets, Query
from studio.errors import DataError

HOSTILE = "<img src=x onerror=alert(1)>"


def counts(**more) -> Facets:
    empty = {field.name: [] for field in fields(Facets) if field.name not in ("golden", "ready")}
    status = [("pending", 6), ("draft", 0), ("accepted", 3), ("discarded", 1)]
    return Facets(**{**empty, "status": status, **more})


def test_a_click_adds_a_value_and_another_takes_it_away():
    query = facets.add_filter(Query(search="x"), "status", "pending")
    both = facets.add_filter(query, "status", "draft")
    assert both == Query(search="x", status=("pending", "draft"))
    assert facets.add_filter(both, "status", "pending") == Query(search="x", status=("draft",))


def test_a_bar_sets_a_range():
    query = facets.set_range(Query(), "answer", 10, 19)
    assert query.lengths == {"answer": (10, 19)}
    assert facets.set_range(query, "answer", 20, 29).lengths == {"answer": (20, 29)}


@pytest.mark.parametrize(
    "change", [("lengths", "answer"), ("search", ""), ("golden", ""), ("contains", "a"), ("tags", "t")]
)
def test_a_pill_takes_its_filter_away(change):
    query = Query(
        search="x",
        golden=True,
        contains=(("a", "b"),),
        tags=("t",),
        lengths={"answer": (1, 2)},
        sort="id",
        descending=True,
    )
    left = facets.remove_filter(query, *change)
    assert left != query
    assert getattr(left, change[0]) == getattr(Query(), change[0])
    assert (left.sort, left.descending) == ("id", True)


def test_all_filters_go_at_once_and_the_order_stays():
    query = Query(search="x", status=("draft",), sort="id", descending=True)
    assert facets.remove_filter(query, "all", "") == Query(sort="id", descending=True)


@pytest.mark.parametrize("name", ["sort", "__class__", "search", ""])
def test_only_facets_are_filters(name):
    with pytest.raises(DataError, match="no filter"):
        facets.add_filter(Query(), name, "x")
    with pytest.raises(DataError, match="no length"):
        facets.set_range(Query(), name, 1, 2)


def test_a_header_sorts_up_then_down_then_not_at_all():
    up = facets.change_sort(Query(), "column:a")
    down = facets.change_sort(up, "column:a")
    assert [(each.sort, each.descending) for each in (up, down, facets.change_sort(down, "column:a"))] == [
        ("column:a", False),
        ("column:a", True),
        ("", False),
    ]
    assert facets.change_sort(down, "id") == Query(sort="id")


def test_pills_say_every_filter_in_words():
    query = Query(
        search="blue sky",
        status=("pending",),
        checks=("near_duplicates",),
        lengths={"answer": (None, 40), "prompt": (5, 9)},
        golden=True,
    )
    html = facets.render_pills(query, {"near_duplicates": "Near duplicates"})
    words = re.findall(r'aria-label="Take away the filter ([^"]*)"', html)
    assert words == [
        "“blue sky”",
        "review: pending",
        "checks: Near duplicates",
        "answer length, characters: at most 40",
        "prompt length, characters: 5 to 9",
        "golden rows",
    ]
    assert "Clear all" in html
    assert facets.render_pills(Query(sort="id"), {}) == ""


def test_values_of_rows_are_escaped():
    html = facets.render_facets(counts(tags=[(HOSTILE, 3)]), Query(tags=(HOSTILE,)), {})
    html += facets.render_pills(Query(search=HOSTILE, tags=(HOSTILE,), contains=((HOSTILE, HOSTILE),)), {})
    assert "<img" not in html
    assert html.count("&lt;img") >= 6


def test_counts_show_what_is_pressed_and_fold_many():
    tags = [(f"tag {number}", 20 - number) for number in range(10)]
    html = facets.render_facets(counts(tags=tags), Query(tags=("tag 1", "gone")), {}, (), "Working: 40%")
    assert html.count('aria-pressed="true"') == 2  # a filter that matches nothing can still be taken away
    assert "4 more" in html
    assert "data-preparing" in html and "Working: 40%" in html
    assert "data-preparing" not in facets.render_facets(counts(), Query(), {})


def test_the_donut_counts_verdicts():
    html = facets.render_donut([("pending", 6), ("accepted", 3), ("discarded", 1)])
    assert "4 of 10 reviewed" in html and "40%" in html
    assert facets.render_donut([("pending", 0)]) == ""


def test_bars_carry_their_range_and_show_the_filter():
    bins = [Bin(0, 9, 4), Bin(10, 19, 2), Bin(20, 29, 1)]
    figure = facets.draw_lengths(counts(answer_lengths=bins), Query(lengths={"answer": (10, 19)}))
    bar = figure.data[0]
    assert [list(each) for each in bar.customdata] == [["answer", 0, 9], ["answer", 10, 19], ["answer", 20, 29]]
    assert list(bar.y) == [4, 2, 1]
    colours = list(bar.marker.color)
    assert colours[1] != colours[0] == colours[2]
    assert facets.draw_lengths(counts(), Query()) is None


def test_short_answers_that_hardly_repeat_are_no_labels():
    assert "Labels" in facets.render_facets(counts(labels=[("yes", 3), ("no", 1)]), Query(), {})
    assert "Labels" not in facets.render_facets(counts(labels=[("yes", 2), ("no", 1)]), Query(), {})


def test_a_column_that_contains_a_text():
    query = facets.add_contains(Query(), "a", "x")
    both = facets.add_contains(facets.add_contains(query, "b", "y"), "a", "z")
    assert both.contains == (("b", "y"), ("a", "z"))
    assert facets.add_contains(both, "b", "").contains == (("a", "z"),)
    html = facets.render_facets(counts(), Query(), {}, ["a", HOSTILE])
    assert "<option>a</option>" in html and "<img" not in html


def test_golden_rows_can_be_filtered_for():
    assert facets.add_filter(facets.add_filter(Query(), "golden", ""), "golden", "") == Query()
    assert "kept for the test" in facets.render_facets(counts(golden=2), Query(), {})
    assert "kept for the test" not in facets.render_facets(counts(), Query(), {})
