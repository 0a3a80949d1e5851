"""A page with the Data tab alone, for its browser tests: `python -m tests.data_app HOME PORT`.

Its shelf has no model, so that nothing is fetched.
"""

import sys
from pathlib import Path

import gradio as gr

from components.data.tab import build_data_tab
from components.shared import Services, build_shared
from components.theme import STYLES, build_theme
from studio.home import open_home
from studio.inference.client import InferenceHost
from studio.models.shelf import Shelved
from studio.templates.rendering import Renderer


class NoModels:
    """Stands in for a ModelShelf."""

    def look(self, name: str, revision: str = "main") -> Shelved:
        return Shelved("failed", f"This test has no {name}.")


def build_page(home: Path, read_only: bool = False) -> gr.Blocks:
    opened = open_home(home)
    services = Services(opened, Renderer(), NoModels(), InferenceHost(opened), read_only)
    with gr.Blocks(title="Data", analytics_enabled=False) as blocks:
        shared = build_shared()
        with gr.Tabs(), gr.Tab("Data", id="data"):
            build_data_tab(services, shared)
    return blocks


if __name__ == "__main__":
    page = build_page(Path(sys.argv[1]), read_only="--read-only" in sys.argv)
    page.launch(
        server_port=int(sys.argv[2]), theme=build_theme(), css_paths=STYLES, ssr_mode=False, quiet=True, footer_links=[]
    )
