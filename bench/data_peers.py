"""The peers of bench/data.py: `python bench/data_peers.py read FILE`: pandas; `... page FILE PORT`: a plain table.

The first prints JSON: how many seconds pandas takes to read the file, and by how many bytes the process grew.
"""

import json
import sys
import time
from pathlib import Path

import psutil


def read(path: Path):
    import pandas as pd

    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_json(path)


def measure(path: Path) -> dict[str, float]:
    import pandas as pd

    pd.DataFrame({"a": [1]}).to_json()  # what is imported late is no part of the reading
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    frame = read(path)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "grown": process.memory_info().rss - before, "rows": len(frame)}


def serve(path: Path, port: int) -> None:
    """All rows in Gradio's own table, as a tutorial shows it."""
    import gradio as gr
    from gradio import Dataframe

    with gr.Blocks() as page:
        Dataframe(read(path))
    page.launch(server_name="127.0.0.1", server_port=port, quiet=True)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
