"""Data sets, the pictures a network is trained on, and batches of them."""
