"""Networks as files that other programs run, and such files as segmenters."""
