"""The networks: numbers only. `build.py` builds them from plain values; loading is `segkit.weights`'."""
