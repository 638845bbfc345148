"""Label maps -> annotations that a labelling tool opens, one file a form."""
