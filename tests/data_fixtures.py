"""Fixtures of the Data tab's browser tests: the app, Chromium, an empty HOME, and pages of visitors.

A test module takes them with `pytest_plugins = ["tests.data_fixtures"]`.
"""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from playwright.sync_api import Page

from studio.home import Home, open_home
from tests.browser import ROOT, open_browser, wait_until_served

SIZE = {"width": 1480, "height": 900}
PATIENCE = 60_000  # ms: a busy machine is no failure


class App:
    """The Data tab in a process of its own, which can be killed and started again on its port."""

    def __init__(self, home: Home):
        self.home = home
        self.log = home.path / "app.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        environ = {**os.environ, "GRADIO_TEMP_DIR": str(self.home.path / "uploads"), "GRADIO_ANALYTICS_ENABLED": "0"}
        command = [sys.executable, "-m", "tests.data_app", str(self.home.path), str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environ)
        wait_until_served(self.url, self.process, self.log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = App(open_home(tmp_path_factory.mktemp("home")))
    yield app
    app.kill()
    assert "Traceback" not in app.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def home(app):
    """HOME without datasets."""
    for path in app.home.datasets.glob("*"):
        path.unlink()
    shutil.rmtree(app.home.path / "cache", ignore_errors=True)
    return app.home


@pytest.fixture
def visitor(browser):
    """Makes a page of a new visitor each time it is called; an error in the scripts of one fails the test."""
    contexts, errors = [], []

    def come() -> Page:
        context = browser.new_context(viewport=SIZE)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield come
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def page(visitor):
    """A page of a new visitor."""
    return visitor()
