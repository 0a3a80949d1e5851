"""SFT Studio: the core. Importing it loads neither torch nor gradio."""
