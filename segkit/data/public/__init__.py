"""Public data sets: where they are, and how what is there becomes a data set that training knows."""
