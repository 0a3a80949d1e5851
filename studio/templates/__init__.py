"""Rendering and encoding: row + template + tokenizer -> token ids and loss mask, without torch."""
