"""Folders in the layout of Hugging Face's `transformers`: how a run of `gpt` leaves, and how other models arrive."""
