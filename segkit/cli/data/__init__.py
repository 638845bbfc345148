"""`segkit data`: public data sets, other tools' annotations, and what is wrong with a set."""

from segkit.cli.data import get, importing, split

__all__ = ["get", "importing", "split"]
