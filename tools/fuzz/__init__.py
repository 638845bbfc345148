"""Damaged and hostile inputs through every door of segkit, counted by how they ended."""
