"""What is wrong with a data set: a quick look before a training, and a thorough one at every picture."""
