"""One look for the whole page: system fonts, one accent, base grey and tuned accent, light and dark."""

from pathlib import Path

import gradio as gr

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

# The same in the page and in the plots.
ACCENT = "#0f766e"
ACCENT_DARK = "#2dd4bf"
NEUTRAL = "#6b7280"
WARNING = "#b45309"
ERROR = "#b91c1c"

STYLES = sorted(Path(__file__).parent.rglob("*.css"))


def build_theme() -> gr.themes.Base:
    """Gradio's base theme in teal and grey; no font is fetched from another host."""
    return gr.themes.Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="gray",
        text_size="md",
        radius_size="md",
        font=list(FONTS),
        font_mono=list(MONO),
    ).set(button_primary_background_fill=ACCENT, button_primary_background_fill_hover="#115e59")
