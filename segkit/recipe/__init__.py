"""Recipes: what a YAML file may say, and the data set, network and transforms that its sections describe."""
