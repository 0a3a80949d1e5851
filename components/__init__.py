"""The screen: gradio over the core, one file per tab."""
