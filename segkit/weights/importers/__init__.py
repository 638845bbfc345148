"""Other people's tensor names turned into ours, a file for each maker."""
