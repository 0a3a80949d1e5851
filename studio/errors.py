"""Every error that a user may see, in one tree.

    StudioError
    ├── DataError       a file, a dataset or a row
    ├── TemplateError   a template, or what it renders
    ├── ModelError      a model, its tokenizer or its weights
    ├── SettingsError   a setting, a recipe or a preset
    ├── RunError        a run: its name, its state, its worker
    └── InferenceError  the inference server or a generation

The text is one sentence or two: what was asked, why it cannot work, what to do. The page shows it as it
is (components/frame.py translates it once); the command line prints it and exits with 1.
"""


class StudioError(Exception):
    """Base of all errors with a text written for the user."""


class DataError(StudioError):
    """A file, a dataset or a row."""


class TemplateError(StudioError):
    """A template, or what it renders. `line` counts from 1 where the fault has a place."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.line = line


class ModelError(StudioError):
    """A model, its tokenizer or its weights."""


class SettingsError(StudioError):
    """A setting, a recipe or a preset."""


class RunError(StudioError):
    """A run: its name, its state, its worker."""


class InferenceError(StudioError):
    """The inference server or a generation."""
