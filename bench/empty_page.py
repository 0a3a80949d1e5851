"""The peer of bench/startup.py: a Gradio page with one line of text. `python bench/empty_page.py PORT`."""

import sys

import gradio as gr

with gr.Blocks() as page:
    gr.Markdown("An empty page")

if __name__ == "__main__":
    page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
