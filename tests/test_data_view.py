"""Pages, ids and facets under a search, filters and an order."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from studio.data.roles.conversations import cell_text, to_example
from studio.data.store import create_dataset, open_dataset
from studio.data.view import Bin, facts, offset_of, read_facets, read_ids, read_page
from studio.data.view.query import Query
from studio.errors import DataError
from studio.home import open_home

COLUMNS = ["question", "topic", "answer"]
MAPPING = {"question": "instruction", "topic": "ignore", "answer": "output"}
ROWS = [
    ("Is it late?", "post", "yes"),
    ("Is it early?", "post", "no"),
    ("Wo ist mein Paket?", "10", "yes"),
    ("包裹在哪里", "9", "A longer answer, which is no label at all."),
    ("Where?", "", "no"),
    ("", "007", "yes"),
]


def make(home, rows=ROWS, mapping=MAPPING):
    dataset_id = create_dataset(
        home, "posts", COLUMNS, [dict(zip(COLUMNS, row, strict=True)) for row in rows], mapping, {}
    )
    return open_dataset(home, dataset_id)


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def dataset(home):
    return make(home)


def ids(home, dataset, **query):
    return read_ids(home, dataset, Query(**query))


def test_a_page_holds_whole_rows_in_their_order(home, dataset):
    page = read_page(home, dataset, Query(), 1, 3)
    assert page.rows == dataset.page(1, 3)
    assert [row.values["answer"] for row in page.rows[:2]] == ["no", "yes"]
    assert (page.total, page.ready) == (6, True)
    assert read_page(home, dataset, Query(), 6, 50).rows == []
    assert [row.id for row in read_page(home, dataset, Query(), -3, 2).rows] == [1, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "IS it"}, [1, 2]),
        ({"search": '"it e"'}, [2]),
        ({"search": "里"}, [4]),
        ({"search": "post no"}, [2]),
        ({"labels": ("yes",)}, [1, 3, 6]),
        ({"labels": ("yes", "no"), "search": "late"}, [1]),
        ({"labels": ("maybe",)}, []),
        ({"contains": (("topic", "0"),)}, [3, 6]),
        ({"contains": (("topic", "0"), ("question", "PAKET"))}, [3]),
        ({"contains": (("topic", ""),)}, [1, 2, 3, 4, 5, 6]),
        ({"lengths": {"answer": (3, 3)}}, [1, 3, 6]),
        ({"lengths": {"answer": (None, 2)}}, [2, 5]),
        ({"lengths": {"prompt": (0, 6), "answer": (3, None)}}, [4, 6]),
        ({"lengths": {"tokens": (0, 9)}}, []),
        ({"golden": False, "status": ("pending",)}, [1, 2, 3, 4, 5, 6]),
        ({"checks": ("empty_prompt",)}, []),
    ],
)
def test_filters_narrow(home, dataset, query, expected):
    assert ids(home, dataset, **query) == expected
    page = read_page(home, dataset, Query(**query), 0, 50)
    assert ([row.id for row in page.rows], page.total) == (expected, len(expected))


def test_marks_are_filters(home, dataset):
    dataset.mark([1, 2], status="accepted", add_tags=["good"])
    dataset.mark([2, 3], status="discarded", add_tags=["odd"])
    dataset.mark([3], golden=True)
    assert ids(home, dataset, status=("accepted",)) == [1]
    assert ids(home, dataset, status=("accepted", "discarded")) == [1, 2, 3]
    assert ids(home, dataset, tags=("good",)) == [1, 2]
    assert ids(home, dataset, tags=("good", "odd"), golden=False) == [1, 2]
    assert ids(home, dataset, golden=True) == [3]
    dataset.undo()
    assert ids(home, dataset, golden=True) == []
    dataset.mark([1], remove_tags=["good"])
    assert ids(home, dataset, tags=("good",)) == [2]


def test_numbers_sort_by_size_texts_by_letters_empty_ones_last(home, dataset):
    assert ids(home, dataset, sort="column:topic") == [6, 4, 3, 1, 2, 5]
    assert ids(home, dataset, sort="column:topic", descending=True) == [1, 2, 3, 4, 6, 5]
    assert ids(home, dataset, sort="column:topic", search="post") == [1, 2]
    assert ids(home, dataset, sort="column:question") == [2, 1, 5, 3, 4, 6]


def test_a_changed_row_finds_its_place_in_a_sorted_column(home, dataset):
    for row_id, topic in ((1, "9.5"), (2, "zz"), (3, ""), (5, "-1e3"), (6, "9"), (4, "_1")):
        dataset.edit(row_id, {"topic": topic})
    assert ids(home, dataset, sort="column:topic") == [5, 6, 1, 4, 2, 3]
    assert ids(home, dataset, sort="column:topic", descending=True) == [2, 4, 1, 6, 5, 3]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("id", [1, 2, 3, 4, 5, 6]),
        ("answer_length", [2, 5, 1, 3, 6, 4]),
        ("prompt_length", [6, 4, 5, 1, 2, 3]),
        ("status", [1, 3, 4, 6, 5, 2]),
        ("changed", [1, 3, 4, 6, 2, 5]),
        ("tokens", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_orders(home, dataset, sort, expected):
    dataset.mark([2], status="accepted")
    dataset.mark([5], status="draft")
    assert ids(home, dataset, sort=sort) == expected


def test_descending_keeps_equal_rows_in_their_order(home, dataset):
    assert ids(home, dataset, descending=True) == [6, 5, 4, 3, 2, 1]
    assert ids(home, dataset, sort="answer_length", descending=True) == [4, 1, 3, 6, 2, 5]
    assert ids(home, dataset, sort="tokens", descending=True) == [1, 2, 3, 4, 5, 6]


def test_where_a_row_stands(home, dataset):
    assert offset_of(home, dataset, Query(sort="answer_length"), 3) == 3
    assert offset_of(home, dataset, Query(search="late"), 1) == 0
    assert offset_of(home, dataset, Query(search="late"), 2) is None
    assert offset_of(home, dataset, Query(), 99) is None


def test_new_rows_stand_where_they_were_put(home, dataset):
    assert ids(home, dataset) == [1, 2, 3, 4, 5, 6]
    second = dataset.duplicate(1)
    last = dataset.add({"question": "new"})
    third = dataset.add({"question": "new"}, after=second.id)
    assert ids(home, dataset) == [1, second.id, third.id, 2, 3, 4, 5, 6, last.id]
    dataset.delete([second.id])
    fourth = dataset.add({"question": "newer"}, after=1)
    assert ids(home, dataset) == [1, fourth.id, third.id, 2, 3, 4, 5, 6, last.id]
    dataset.undo()
    dataset.undo()
    assert ids(home, dataset) == [1, second.id, third.id, 2, 3, 4, 5, 6, last.id]
    assert ids(home, dataset, search="new") == [third.id, last.id]


def test_new_rows_stand_right_after_many_others_moved_away(home, dataset):
    expected = [1, 2, 3, 4, 5, 6]
    assert ids(home, dataset) == expected
    for number in range(40):  # each halves the gap, until others must make room
        added = dataset.add({"question": f"between {number}"}, after=1)
        expected.insert(1, added.id)
        if number % 3 == 0:
            assert ids(home, dataset) == expected
    assert ids(home, dataset) == expected == [row.id for row in dataset.rows()]


def test_facets_count_under_the_other_filters(home, dataset):
    dataset.mark([1, 2], status="accepted", add_tags=["good"])
    dataset.mark([3], golden=True, add_tags=["odd", "good"])
    found = read_facets(home, dataset, Query())
    assert found.status == [("pending", 4), ("draft", 0), ("accepted", 2), ("discarded", 0)]
    assert found.tags == [("good", 3), ("odd", 1)]
    assert found.labels == [("yes", 3), ("no", 2)]  # a long answer is none
    assert (found.languages, found.splits, found.checks, found.tokens) == ([], [], [], [])
    assert (found.golden, found.ready) == (1, True)
    found = read_facets(home, dataset, Query(labels=("yes",), tags=("good",)))
    assert found.labels == [("yes", 2), ("no", 1)]
    assert found.tags == [("good", 2), ("odd", 1)]
    assert found.status == [("pending", 1), ("draft", 0), ("accepted", 1), ("discarded", 0)]
    assert read_facets(home, dataset, Query(search="nowhere")).labels == []


def test_a_click_on_a_bar_gives_as_many_rows_as_it_says(home):
    rows = [("q" * (number * number % 997), "", "a" * (number % 300)) for number in range(500)]
    dataset = make(home, [*rows, ("q" * 90_000, "", "")])
    found = read_facets(home, dataset, Query())
    assert [len(found.prompt_lengths), len(found.answer_lengths)] == [20, 15]
    for name, bins in (("prompt", found.prompt_lengths), ("answer", found.answer_lengths)):
        assert sum(one.count for one in bins) == 501
        assert all(one.high + 1 == other.low for one, other in pairwise(bins))
        for one in bins:
            assert len(ids(home, dataset, lengths={name: (one.low, one.high)})) == one.count
    assert found.prompt_lengths[0] == Bin(0, 49, found.prompt_lengths[0].count)
    assert (found.prompt_lengths[-1].low, found.prompt_lengths[-1].high) == (950, 90_000)
    narrowed = read_facets(home, dataset, Query(lengths={"answer": (0, 0), "prompt": (0, 0)}))
    assert [one.low for one in narrowed.answer_lengths] == [one.low for one in found.answer_lengths]
    assert sum(one.count for one in narrowed.answer_lengths) == len(ids(home, dataset, lengths={"prompt": (0, 0)}))


def test_what_checks_and_splits_say_is_taken_over(home, dataset):
    def write(name, script):
        with sqlite3.connect(home.cache(dataset.id) / name) as db:
            db.executescript(script)

    assert ids(home, dataset, checks=("duplicates",)) == []
    write("checks.db", "CREATE TABLE findings (name TEXT, row_id INTEGER, group_id INTEGER, detail TEXT)")
    assert ids(home, dataset, checks=("duplicates",)) == []
    write(
        "checks.db",
        """
        CREATE TABLE languages (row_id INTEGER PRIMARY KEY, prompt TEXT, answer TEXT);
        CREATE TABLE tokens (row_id INTEGER PRIMARY KEY, prompt INTEGER, answer INTEGER, total INTEGER);
        INSERT INTO findings VALUES ('duplicates', 1, 1, ''), ('duplicates', 1, 2, ''), ('duplicates', 3, 1, '');
        INSERT INTO findings VALUES ('secrets', 4, NULL, 'x'), ('secrets', 77, NULL, 'a row that is not there');
        INSERT INTO languages VALUES (1, 'en', 'en'), (3, 'de', 'en'), (4, 'zh', ''), (6, NULL, 'en');
        INSERT INTO tokens VALUES (1, 5, 5, 10), (4, 8, 4, 12), (5, 0, 0, 0);
        """,
    )
    write("splits.db", "CREATE TABLE splits (row_id INTEGER PRIMARY KEY, split TEXT)")
    write("splits.db", "INSERT INTO splits VALUES (1, 'train'), (2, 'train'), (3, 'test')")
    assert ids(home, dataset, checks=("duplicates",)) == [1, 3]
    assert ids(home, dataset, checks=("duplicates", "secrets"), languages=("zh", "de")) == [3, 4]
    assert ids(home, dataset, splits=("train",)) == [1, 2]
    assert ids(home, dataset, sort="tokens") == [5, 1, 4, 2, 3, 6]
    assert ids(home, dataset, sort="tokens", descending=True) == [4, 1, 5, 2, 3, 6]
    assert ids(home, dataset, lengths={"tokens": (1, None)}) == [1, 4]
    found = read_facets(home, dataset, Query())
    assert found.checks == [("duplicates", 2), ("secrets", 1)]
    assert found.languages == [("en", 3), ("de", 1), ("zh", 1)]
    assert found.splits == [("train", 2), ("test", 1)]
    assert sum(one.count for one in found.tokens) == 3
    dataset.delete([3])
    assert read_facets(home, dataset, Query(splits=("test",))).checks == []
    write("splits.db", "UPDATE splits SET split = 'eval'")
    assert read_facets(home, dataset, Query()).splits == [("eval", 2)]


def test_findings_hold_until_the_cells_change(home, dataset):
    dataset.edit(6, {"answer": "no"})
    with sqlite3.connect(home.cache(dataset.id) / "checks.db") as db:
        db.executescript(
            """
            CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);
            CREATE TABLE findings (name TEXT, row_id INTEGER, group_id INTEGER, detail TEXT);
            INSERT INTO meta VALUES ('seq', '1');
            INSERT INTO findings VALUES ('conflicting_answers', 1, 1, ''), ('conflicting_answers', 2, 1, '');
            INSERT INTO findings VALUES ('duplicate_rows', 4, 3, ''), ('duplicate_rows', 5, 3, '');
            INSERT INTO findings VALUES ('empty_prompt', 6, NULL, ''), ('empty_prompt', 1, NULL, '');
            CREATE TABLE languages (row_id INTEGER PRIMARY KEY, prompt TEXT, answer TEXT);
            CREATE TABLE tokens (row_id INTEGER PRIMARY KEY, prompt INTEGER, answer INTEGER, total INTEGER);
            INSERT INTO languages VALUES (1, 'en', 'en'), (2, 'de', 'en');
            INSERT INTO tokens VALUES (1, 5, 5, 10), (2, 8, 4, 12);
            """
        )
    counts = {"conflicting_answers": 2, "duplicate_rows": 2, "empty_prompt": 2}
    assert ids(home, dataset, languages=("en",)) == ids(home, dataset, lengths={"tokens": (1, None)}) == [1, 2]
    assert dict(read_facets(home, dataset, Query()).checks) == counts
    dataset.mark([1, 4, 6], status="accepted")
    assert dict(read_facets(home, dataset, Query()).checks) == counts
    dataset.edit(1, {"answer": "no"})  # a conflict takes two
    assert dict(read_facets(home, dataset, Query()).checks) == {"duplicate_rows": 2, "empty_prompt": 1}
    assert ids(home, dataset, checks=("conflicting_answers", "empty_prompt")) == [6]
    assert ids(home, dataset, languages=("en",)) == ids(home, dataset, lengths={"tokens": (1, None)}) == [2]
    dataset.delete([3])  # and a copy something that it is a copy of
    assert dict(read_facets(home, dataset, Query()).checks) == {"empty_prompt": 1}
    assert ids(home, dataset, checks=("duplicate_rows",)) == []


def test_while_nothing_is_known_there_are_plain_pages(home, dataset, monkeypatch):
    monkeypatch.setattr(facts, "INLINE_ROWS", 3)
    monkeypatch.setattr(facts.background, "start", lambda *arguments: None)
    page = read_page(home, dataset, Query(), 1, 2)
    assert ([row.id for row in page.rows], page.total, page.ready) == ([2, 3], 6, False)
    page = read_page(home, dataset, Query(search="is IT"), 0, 5)
    assert ([row.id for row in page.rows], page.total, page.ready) == ([1, 2], 2, False)
    page = read_page(home, dataset, Query(labels=("yes",)), 0, 5)
    assert (page.rows, page.total, page.ready) == ([], 0, False)
    assert read_ids(home, dataset, Query()) == [1, 2, 3, 4, 5, 6]
    assert offset_of(home, dataset, Query(), 2) is None
    assert (read_facets(home, dataset, Query()).status, read_facets(home, dataset, Query()).ready) == ((), False)
    with pytest.raises(DataError, match=r"being read in the background.* Try again in a few seconds"):
        read_ids(home, dataset, Query(search="is"))  # somebody might delete them


def test_a_large_change_leaves_the_filters_usable(home, dataset, monkeypatch):
    assert ids(home, dataset, sort="answer_length")[0] == 2
    started = []
    monkeypatch.setattr(facts, "INLINE_ROWS", 3)
    monkeypatch.setattr(facts.background, "start", lambda *arguments: started.append(arguments))
    dataset.mark([1, 2, 3, 4, 5, 6], status="draft", add_tags=["new"])
    assert ids(home, dataset, status=("draft",), tags=("new",)) == [1, 2, 3, 4, 5, 6]  # marks are quick to read
    assert started == []
    dataset.edit_many({row_id: {"answer": "never"} for row_id in range(1, 6)}, "five answers")
    dataset.delete([2])
    page = read_page(home, dataset, Query(labels=("yes",)), 0, 9)
    assert [(row.id, row.values["answer"]) for row in page.rows] == [(1, "never"), (3, "never"), (6, "yes")]
    assert (page.total, page.ready, started) == (3, False, [(home, dataset.id, "facts")])
    dataset.mark([3], status="accepted")
    dataset.undo()
    assert read_page(home, dataset, Query(status=("draft",)), 0, 9).total == 5
    with pytest.raises(DataError, match="being read in the background"):
        read_ids(home, dataset, Query(labels=("yes",)))
    facts.build(home, dataset.id, {}, lambda *progress: None, lambda: False)
    page = read_page(home, dataset, Query(labels=("never",)), 0, 9)
    assert ([row.id for row in page.rows], page.ready) == ([1, 3, 4, 5], True)


def test_many_may_ask_while_others_edit(home, monkeypatch):
    """Readers in threads, a writer, and a process that makes everything anew, all at once."""
    monkeypatch.setattr("studio.data.view.selection.QUICK_SLOTS", 0)
    dataset = make(home, [(f"question {number}", "", "yes") for number in range(300)])
    queries = [Query(search="question"), Query(search="5", sort="column:answer"), Query(status=("draft",))]

    def ask(number):
        found = [read_page(home, dataset, queries[(number + turn) % 3], 0, 50) for turn in range(12)]
        return [page.ready for page in found]

    def edit(number):
        for row_id in range(1, 25):
            dataset.edit(row_id, {"answer": f"answer {row_id}"})
            dataset.mark([row_id], status="draft")
        return [True]

    def build(number):
        for _ in range(4):
            facts.build(home, dataset.id, {}, lambda *progress: None, lambda: False)
        return [True]

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(job, number) for number, job in enumerate([edit, ask, build, ask, ask, ask])]
        assert all(ready for one in work for ready in one.result())
    assert ids(home, dataset, status=("draft",), sort="column:answer", descending=True)[:2] == [9, 8]
    assert ids(home, dataset, search="answer") == list(range(1, 25))


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(search="a b", status=("draft",), golden=False, sort="column:x", descending=True),
        Query(lengths={"prompt": (None, 5), "tokens": (1, None)}, contains=(("a", "b"),), tags=("t", "u")),
    ],
)
def test_a_query_survives_the_page(query):
    assert Query.from_json(json.loads(json.dumps(query.to_json()))) == query


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "names a filter that there is not"),
        ({"where": "1=1"}, "names a filter that there is not"),
        ({"status": "draft"}, "'status' must be a list of texts"),
        ({"status": ["done"]}, "There is no status 'done'. The statuses are pending, draft"),
        ({"tags": [1]}, "'tags' must be a list of texts"),
        ({"search": 5}, "The search must be text"),
        ({"golden": "yes"}, "golden true, false or nothing"),
        ({"lengths": {"prompt": [1]}}, "a lowest and a highest whole number"),
        ({"lengths": {"pages": [1, 2]}}, "a lowest and a highest whole number"),
        ({"lengths": {"prompt": [1.5, 2]}}, "a lowest and a highest whole number"),
        ({"contains": ["ab"]}, "the column's name and a text"),
        ({"sort": "answer"}, "cannot be sorted by 'answer'"),
        ({"sort": ["id"]}, "cannot be sorted by"),
        ({"descending": 1}, "must be true"),
    ],
)
def test_a_query_that_cannot_be(data, message):
    with pytest.raises(DataError, match=message):
        Query.from_json(data)


def test_a_column_there_is_not(home, dataset):
    for query in (Query(sort="column:colour"), Query(contains=(("colour", "x"),))):
        with pytest.raises(DataError, match=r"There is no column 'colour'\. The columns are 'question'"):
            read_page(home, dataset, query, 0, 5)


# Against a plain reading of all rows, after any changes


def plain_ids(dataset, query):
    """What a query means, said as simply as can be."""
    found = []
    for row in dataset.rows():
        example = to_example(row.values, dataset.mapping)
        cells = [cell_text(cell).casefold() for cell in row.values.values()]
        tests = [
            all(any(word in cell for cell in cells) for word in query.search.casefold().split()),
            not query.status or row.marks.status in query.status,
            not query.tags or bool({*query.tags} & {*row.marks.tags}),
            not query.labels or example.output.strip() in query.labels,
            all((low or 0) <= len(example.output) <= high for low, high in query.lengths.values()),
        ]
        if all(tests):
            found.append((row, len(example.output)))
    if query.sort == "answer_length":
        found.sort(key=lambda pair: pair[1] * (-1 if query.descending else 1))
    elif query.sort:
        sign = -1 if query.descending else 1
        numbers = {pair[0].id: "abc9".find(pair[0].values["topic"][:1] or "-") for pair in found}
        order = {-1: 99, 3: 0, 0: 1, 1: 2, 2: 3}
        found.sort(key=lambda pair: 99 if numbers[pair[0].id] < 0 else sign * order[numbers[pair[0].id]])
    return [row.id for row, _ in found]


QUERIES = [
    Query(),
    Query(search="a"),
    Query(search="b yes"),
    Query(status=("pending", "draft"), sort="answer_length", descending=True),
    Query(tags=("t",), sort="column:topic"),
    Query(labels=("yes",), sort="column:topic", descending=True),
    Query(lengths={"answer": (1, 3)}, search="9"),
]
texts = st.sampled_from(["", "a", "b", "c", "9"])
answers = st.sampled_from(["yes", "no", "", "something longer than a label ever is, far longer"])
positions = st.integers(0, 50)


class ViewMachine(RuleBasedStateMachine):
    """Whatever is done to a dataset, the view says what a reading of all rows says."""

    @initialize(rows=st.lists(st.tuples(texts, texts, answers), max_size=6), most=st.sampled_from([2, 5000]))
    def begin(self, rows, most):
        self.folder = TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(facts, "INLINE_ROWS", most)
        self.patch.setattr(facts.background, "start", self.build_at_once)
        self.home = open_home(self.folder.name)
        self.dataset = make(self.home, rows)

    def build_at_once(self, home, dataset_id, kind):
        facts.build(home, dataset_id, {}, lambda *progress: None, lambda: False)

    def pick(self, position):
        found = [row.id for row in self.dataset.rows()]
        return found[position % len(found)] if found else None

    @rule(text=texts, answer=answers, position=positions)
    def add(self, text, answer, position):
        self.dataset.add({"topic": text, "answer": answer, "question": text}, after=self.pick(position))

    @rule(text=texts, answer=answers, position=positions)
    def edit(self, text, answer, position):
        if row_id := self.pick(position):
            self.dataset.edit(row_id, {"topic": text, "answer": answer})

    @rule(answer=answers, text=texts)
    def edit_all(self, answer, text):
        self.dataset.edit_many({row.id: {"answer": answer, "topic": text} for row in self.dataset.rows()}, "all")

    @rule(position=positions, status=st.sampled_from(["draft", "accepted"]))
    def mark(self, position, status):
        if row_id := self.pick(position):
            self.dataset.mark([row_id], status=status, add_tags=["t"] if status == "draft" else [])

    @rule()
    def unmark_all(self):
        self.dataset.mark([row.id for row in self.dataset.rows()], status="pending", remove_tags=["t"])

    @rule(first=positions, count=st.integers(1, 4))
    def delete(self, first, count):
        self.dataset.delete([row.id for row in self.dataset.page(first % 7, count)])

    @rule(role=st.sampled_from(["instruction", "ignore"]))
    def map(self, role):
        self.dataset.set_mapping({**MAPPING, "topic": role})

    @rule()
    def undo(self):
        self.dataset.undo()

    @rule()
    def redo(self):
        self.dataset.redo()

    @rule()
    def lose_the_cache(self):
        for path in self.home.cache(self.dataset.id).iterdir():
            path.unlink()

    @invariant()
    def the_view_is_right(self):
        if not hasattr(self, "dataset"):
            return
        read_page(self.home, self.dataset, QUERIES[0], 0, 1)  # the first question may have it made anew
        for query in QUERIES:
            expected = plain_ids(self.dataset, query)
            assert read_ids(self.home, self.dataset, query) == expected
        page = read_page(self.home, self.dataset, query, 1, 2)
        assert (page.rows, page.total) == (self.dataset.rows_by_id(expected[1:3]), len(expected))

    def teardown(self):
        if hasattr(self, "folder"):
            self.patch.undo()
            self.folder.cleanup()


TestView = ViewMachine.TestCase
TestView.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
