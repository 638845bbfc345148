"""`segkit data`: public data sets, other tools' annotations, and what is wrong with a set."""

from segkit.cli.data import check, show

__all__ = ["check", "show"]
