"""What is told of a data set: one thing that is wrong, in which file, and what to do."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong. `file` is a path, a picture's name, or "" for the set as a whole.

    An "error" makes a training fail or learn the wrong thing, a "warning" may be meant. `message` is a whole sentence
    that names the file and says what to do. `kind` is the same few words for all findings of one sort, `split` the
    split where it was found, "" where that is not told.
    """

    level: Literal["error", "warning"]
    file: str
    message: str
    kind: str = ""
    split: str = ""
