"""Imports that wait for the user: read in the background, looked at, corrected, dropped."""

import threading
import time

import pytest

from studio.data.importing import correct_preview, preview_text
from studio.data.importing.desk import MOST_WAITING, ImportDesk, Pending
from studio.data.reading import BadRowsError, ReadOptions
from studio.errors import DataError
from studio.home import open_home

GOOD = "question;answer\n1+1?;2\n2+2?;4\n"
BAD = "question;answer\n1+1?;2\n2+2?;4\n3+3?\n4+4?;8\n"


@pytest.fixture
def desk() -> ImportDesk:
    return ImportDesk()


@pytest.fixture
def reader(tmp_path):
    home = open_home(tmp_path / "home")

    def make(text: str):
        return lambda drop, options, progress, stop: preview_text(home, text, None, drop, options)

    return make


def wait(desk: ImportDesk, ticket: str) -> Pending:
    deadline = time.monotonic() + 60
    while (found := desk.look(ticket)).state == "reading":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_rows_are_read_and_can_be_corrected(desk, reader):
    ticket = desk.begin(reader(GOOD))
    found = wait(desk, ticket)
    assert (found.state, len(found.preview.parsed.rows)) == ("ready", 2)
    roles = found.preview.roles.change({"question": "output", "answer": "instruction"})
    desk.correct(ticket, correct_preview(found.preview, roles))
    assert desk.look(ticket).preview.roles == {"question": "output", "answer": "instruction"}


def test_bad_rows_are_told_and_can_be_left_out(desk, reader):
    ticket = desk.begin(reader(BAD))
    refused = wait(desk, ticket)
    assert refused.state == "refused"
    assert isinstance(refused.bad, BadRowsError) and [problem.line for problem in refused.bad.problems] == [4]
    desk.read_again(ticket, drop_bad_rows=True)
    assert len(wait(desk, ticket).preview.parsed.rows) == 3


def test_the_same_rows_are_read_with_other_options(desk, reader):
    ticket = desk.begin(reader(GOOD))
    wait(desk, ticket)
    desk.read_again(ticket, options=ReadOptions(header=False))
    assert wait(desk, ticket).preview.parsed.columns == ["column_1", "column_2"]


def test_what_cannot_be_read_says_why(desk, reader):
    found = wait(desk, desk.begin(reader("   ")))
    assert found.state == "failed" and "Nothing was pasted" in found.message


def test_dropping_an_import_stops_its_reading(desk):
    begun, stopped = threading.Event(), threading.Event()

    def read(drop, options, progress, should_stop):
        progress("Fetching", 0.5)
        begun.set()
        while not should_stop():
            time.sleep(0.005)
        stopped.set()
        raise DataError("stopped")

    ticket = desk.begin(read)
    assert begun.wait(10)
    assert (desk.look(ticket).message, desk.look(ticket).fraction) == ("Fetching", 0.5)
    desk.drop(ticket)
    assert stopped.wait(10)
    with pytest.raises(DataError, match="no longer there"):
        desk.look(ticket)


def test_a_reading_that_was_replaced_is_not_heard(desk, reader):
    slow, done = threading.Event(), threading.Event()
    first = iter([True])

    def read(drop, options, progress, should_stop):
        if next(first, False):
            slow.wait(10)
            done.set()
            raise DataError("late")
        return reader(GOOD)(drop, options, progress, should_stop)

    ticket = desk.begin(read)
    desk.read_again(ticket)
    assert wait(desk, ticket).state == "ready"
    slow.set()
    assert done.wait(10)
    time.sleep(0.05)
    assert desk.look(ticket).state == "ready"


def test_the_oldest_goes_where_too_many_wait(desk, reader):
    tickets = [desk.begin(reader(GOOD)) for _ in range(MOST_WAITING + 1)]
    assert len(set(tickets)) == MOST_WAITING + 1
    with pytest.raises(DataError, match="too many imports waited"):
        desk.look(tickets[0])
    assert wait(desk, tickets[-1]).state == "ready"
    with pytest.raises(DataError):
        desk.read_again(tickets[0])


def test_a_full_disk_is_told(desk):
    def read(drop, options, progress, stop):
        raise OSError(28, "No space left on device")

    found = wait(desk, desk.begin(read))
    assert found.state == "failed" and "No space left on device" in found.message
