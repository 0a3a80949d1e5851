"""What the tabs share: the services behind them, the state of the page, and how errors are shown."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps

import gradio as gr

from studio.data.importing.desk import ImportDesk
from studio.errors import StudioError
from studio.home import Home
from studio.inference.client import InferenceHost
from studio.models.shelf import ModelShelf
from studio.recipes import load_recipe
from studio.settings import Recipe, check_recipe
from studio.templates.rendering import Renderer

# A fixed key, so that the page finds its state again after the app was restarted; it protects nothing.
STATE_KEY = "sft-studio"

# Keywords of nearly every listener: no spinner over the output, no public endpoint.
QUIET = {"show_progress": "hidden", "api_visibility": "private"}
# For what follows a change of the page's state. Gradio's own mode for changes, "always_last", sends the whole event
# once more when a listener had to wait, to all that listen to it: two such listeners of one event can keep each other
# going for ever. So an event has at most one of them, and all others follow every change in its turn.
FOLLOWING = {**QUIET, "trigger_mode": "multiple"}
FIRST_RECIPE = "first-run"


@dataclass(frozen=True)
class Services:
    """Made once by build_app, handed to every tab."""

    home: Home
    renderer: Renderer
    shelf: ModelShelf
    inference: InferenceHost
    read_only: bool = False
    imports: ImportDesk = field(default_factory=ImportDesk)


@dataclass(frozen=True)
class Shared:
    """The page's state: ids and settings only, kept in the browser so that a reload finds them again."""

    dataset: gr.BrowserState
    """Id of the dataset at hand, or None"""
    row: gr.BrowserState
    """Id of the selected row, or None"""
    recipe: gr.BrowserState
    """The recipe at hand, as nested values"""
    run: gr.BrowserState
    """Name of the run at hand, or None"""
    edits: gr.State
    """Counts committed edits, so that previews follow"""
    timer: gr.Timer
    """The page's one clock"""


def build_shared() -> Shared:
    """The state components of a page."""
    return Shared(
        dataset=browser_state(None, "dataset"),
        row=browser_state(None, "row"),
        recipe=browser_state(load_recipe(FIRST_RECIPE)[0].model_dump(), "recipe"),
        run=browser_state(None, "run"),
        edits=gr.State(0),
        timer=gr.Timer(1.0),
    )


def browser_state(default: object, name: str) -> gr.BrowserState:
    return gr.BrowserState(default, storage_key=f"{STATE_KEY}-{name}", secret=STATE_KEY)


def read_recipe(values: dict | None) -> Recipe:
    """The page's recipe; the first one's values where a stored recipe is from another version of the studio."""
    try:
        return check_recipe(values or {})
    except StudioError:
        return load_recipe(FIRST_RECIPE)[0]


def told(handler: Callable) -> Callable:
    """A handler whose StudioError is shown as a message in the page: the one place where that is done."""

    @wraps(handler)
    def wrapped(*args, **kwargs):
        try:
            return handler(*args, **kwargs)
        except StudioError as error:
            raise gr.Error(str(error), title="That did not work", duration=12, print_exception=False) from error

    return wrapped


def refuse_read_only(services: Services) -> None:
    """StudioError on a Space without login: anyone could change what others see."""
    if services.read_only:
        raise StudioError(
            "This public demo is read-only. Duplicate the Space, or run the studio on your own machine, "
            "to edit and train."
        )
