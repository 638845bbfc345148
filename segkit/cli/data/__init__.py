"""`segkit data`: public data sets, other tools' annotations, and what is wrong with a set."""
