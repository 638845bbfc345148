"""Weights: segkit's own files, other people's files, and networks built from either."""
