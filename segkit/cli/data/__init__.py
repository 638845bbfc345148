"""`segkit data`: public data sets, other tools' annotations, and what is wrong with a set."""

from segkit.cli.data import check, get, importing, show, split

__all__ = ["check", "get", "importing", "show", "split"]
