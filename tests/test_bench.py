import pytest

from bench.report import Table, percentile, print_table
from bench.train import sum_up


@pytest.mark.parametrize(("share", "value"), [(0.05, 1), (0.5, 10), (0.95, 19), (1.0, 20)])
def test_percentile_is_the_nearest_rank(share, value):
    assert percentile([float(number) for number in range(20, 0, -1)], share) == value


def test_the_first_two_steps_do_not_count():
    pairs = enumerate((10.0, 12.0, 13.0, 15.0), 1)
    steps = [{"tokens": 100 * number, "seconds": at, "loss": 1 / number} for number, at in pairs]
    assert sum_up(steps, 7).tokens_per_s == pytest.approx(200 / 3)
    assert sum_up(steps, 7).losses == [1, 1 / 2, 1 / 3, 1 / 4]


def test_a_table_for_the_terminal_and_for_markdown(capsys):
    table = Table("Speed", ["", "ms"], [["ours", "1"], ["theirs", "20"]], ["A note."])
    print_table(table, markdown=False)
    assert capsys.readouterr().out == "\nSpeed\n          ms\n  ours    1\n  theirs  20\n  A note.\n"
    print_table(table, markdown=True)
    assert capsys.readouterr().out == (
        "\n### Speed\n\n|        | ms |\n|--------|----|\n| ours   | 1  |\n| theirs | 20 |\n\nA note.\n"
    )
