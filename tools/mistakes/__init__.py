"""What each common mistake costs: the same weights on the same pictures, with one thing done wrong at a time."""
