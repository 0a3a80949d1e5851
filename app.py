"""SFT Studio in a browser: `python app.py`. Also the entry point of a Hugging Face Space."""

import argparse
import logging
import os
import socket
import sys
import tempfile
from html import escape

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # the page asks no other host for anything

import gradio as gr
import uvicorn
from fastapi import FastAPI

from components.compare_tab import build_compare_tab
from components.data.tab import build_data_tab
from components.header import build_header, wire_header
from components.model_tab import build_model_tab
from components.shared import Services, build_shared
from components.template_tab import build_template_tab
from components.theme import STYLES, build_theme
from components.train_tab import build_train_tab
from studio.errors import StudioError
from studio.guard import Guard, build_guard, check_bind, is_read_only
from studio.home import Home, open_home
from studio.inference.client import InferenceHost
from studio.models.shelf import ModelShelf
from studio.templates.rendering import Renderer

UPLOAD_LIMIT = "512mb"


def build_services(home: Home) -> Services:
    """What the tabs use; `close_services` ends its processes."""
    return Services(home, Renderer(), ModelShelf(home), InferenceHost(home), is_read_only(os.environ))


def close_services(services: Services) -> None:
    services.renderer.close()
    services.inference.close()


def build_app(home: Home, services: Services | None = None) -> gr.Blocks:
    """The page. Nothing is started by building it but what a visitor asks for."""
    services = services or build_services(home)
    with gr.Blocks(title="SFT Studio", analytics_enabled=False) as blocks:
        shared = build_shared()
        header = build_header(services, shared)
        with gr.Tabs() as tabs:
            with gr.Tab("Data", id="data"):
                build_data_tab(services, shared)
            with gr.Tab("Template", id="template") as tab:
                build_template_tab(services, shared, tab)
            with gr.Tab("Model", id="model") as tab:
                build_model_tab(services, shared, tab)
            with gr.Tab("Train", id="train") as tab:
                build_train_tab(services, shared, tab)
            with gr.Tab("Compare", id="compare") as tab:
                build_compare_tab(services, shared, tab)
        wire_header(header, tabs)
        gr.HTML(f'<div class="muted footer">Everything is stored in <code>{escape(str(home.path))}</code></div>')
    return blocks


def build_server(blocks: gr.Blocks, host: str, port: int) -> Guard:
    """The page as an ASGI application, every route behind the guard."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gr.mount_gradio_app(
        api,
        blocks,
        path="/",
        server_name=host,
        server_port=port,
        footer_links=[],
        run_history=False,
        max_file_size=UPLOAD_LIMIT,
        ssr_mode=False,
        enable_monitoring=False,
        show_error=True,
        theme=build_theme(),
        css_paths=STYLES,
    )
    return build_guard(api, host, port, os.environ)


def main(argv: list[str] | None = None) -> int:
    """Serve the page until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="app.py", description="SFT Studio in a browser")
    on_space = bool(os.environ.get("SPACE_ID"))
    parser.add_argument("--home", help="folder of all data (default: STUDIO_HOME, else ~/sft-studio)")
    parser.add_argument("--host", default="0.0.0.0" if on_space else "127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "7860")))
    arguments = parser.parse_args(argv)
    try:
        check_bind(arguments.host, os.environ)
        home = open_home(arguments.home)
        check_port(arguments.host, arguments.port)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    # Uploads and exports pass through a folder of this process alone, gone when it ends.
    with tempfile.TemporaryDirectory(prefix="sft-studio-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        services = build_services(home)
        try:
            server = build_server(build_app(home, services), arguments.host, arguments.port)
            print(f"SFT Studio: http://{arguments.host}:{arguments.port}  (data in {home.path})", flush=True)
            serve(server, arguments.host, arguments.port)
        finally:
            close_services(services)
    return 0


def serve(server: Guard, host: str, port: int) -> None:
    """Answer requests until a signal ends it."""
    config = uvicorn.Config(server, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)
    QuietServer(config).run()


class QuietServer(uvicorn.Server):
    """Open pages hold a stream each; ending these with the server is no error worth a traceback."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def check_port(host: str, port: int) -> None:
    """StudioError when the page cannot be served there."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise StudioError(
            f"The page cannot be served at {host}, port {port} ({error}). "
            f"Give another port: python app.py --port {port + 1 if port < 65535 else 7861}"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
