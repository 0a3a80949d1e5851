"""Small datasets for the tests of the store."""

from studio.data.store import create_dataset, open_dataset

COLUMNS = ["instruction", "input", "output"]
MAPPING = {column: column for column in COLUMNS}


def clock():
    return "2025-01-02T03:04:05+00:00"


def make(home, *outputs, name="tickets"):
    """A dataset whose n-th row asks 'Question n' and answers what is given."""
    rows = [{"instruction": f"Question {n}", "input": None, "output": text} for n, text in enumerate(outputs, 1)]
    dataset_id = create_dataset(home, name, COLUMNS, rows, MAPPING, {"file": "x.json"}, clock)
    return open_dataset(home, dataset_id, clock)


def outputs(dataset):
    return [row.values["output"] for row in dataset.rows()]


def state(dataset):
    """All that undo must bring back."""
    trash = {found.row.id: (found.row.values, found.row.marks) for found in dataset.trash(0, 10_000)}
    return [(row.id, row.values, row.marks) for row in dataset.rows()], trash, dict(dataset.mapping)
