"""Changes of many rows without a browser: how differences are shown."""

import re

from components.data.differences import common_length, mark_difference, render_parts, render_replacement
from studio.data.store.bulk import CellChange, ReplacementPreview


def plain(html: str, keep: str) -> str:
    """The text of one side of a difference."""
    other = "ins" if keep == "del" else "del"
    return re.sub(r"</?\w+>", "", re.sub(rf"<{other}>.*?</{other}>", "", html))


def test_only_the_words_that_differ_are_marked():
    html = mark_difference("my order and my order no", "my purchase and my purchase no")
    assert html == "my <del>order</del><ins>purchase</ins> and my <del>order</del><ins>purchase</ins> no"


def test_both_texts_can_be_read_from_the_difference():
    for before, after in (
        ("", "new"),
        ("old", ""),
        ("a b c", "a c"),
        ("aaa", "aa"),
        ("x<y>&", "x<z>&"),
        ("Straße 1", "STRASSE 1"),
    ):
        html = mark_difference(before, after).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert plain(html, "del") == before
        assert plain(html, "ins") == after


def test_far_surroundings_are_left_out():
    html = mark_difference("x" * 500 + "old" + "y" * 500, "x" * 500 + "new" + "y" * 500)
    assert html == "…" + "x" * 60 + "<del>old</del><ins>new</ins>" + "y" * 60 + "…"


def test_very_long_differences_are_not_compared_word_by_word():
    html = mark_difference("a " * 3000, "b " * 3000)
    assert html.count("<del>") == 1 and len(html) < 1500


def test_what_cannot_be_seen_is_named():
    assert mark_difference("yel\u200blow", "yellow") == "yel<del>‹U+200B›</del>low"


def test_texts_are_escaped():
    html = mark_difference("<script>1</script>", "<script>2</script>")
    html += render_parts("Part", [{"<b>": "<i>x</i>"}, {"<b>": None}])
    html += render_replacement(ReplacementPreview(1, 1, [CellChange(3, "<u>", "<a>", "<p>")]))
    assert not re.search(
        r"<(script|b|i|u|a)>(?!Row)", html.replace("<b class='tabular'>", "").replace("<i>&lt;u&gt;</i>", "")
    )


def test_a_preview_says_how_many_more_there_are():
    sample = [CellChange(number, "a", "x", "y") for number in range(1, 4)]
    assert "2,000 cells in 900 rows change; the first 3 are:" in render_replacement(
        ReplacementPreview(900, 2000, sample)
    )
    assert "3 cells in 3 rows change:" in render_replacement(ReplacementPreview(3, 3, sample))
    assert "Nothing in these rows matches" in render_replacement(ReplacementPreview(0, 0, []))


def test_common_starts():
    assert [common_length(*pair) for pair in (("", ""), ("ab", "ac"), ("ab", "ab"), ("ab", "abc"))] == [0, 1, 2, 2]
