"""Readers of annotation tools' exports, and the one writer of what segkit trains on."""
