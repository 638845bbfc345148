"""What the user decides about annotations that can be taken in several ways: one set of rules for all formats."""

from dataclasses import asdict, dataclass
from typing import Any

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import IGNORE

BOXES = ("refuse", "fill")
ORDERS = ("file", "area", "class")
UNLABELLED = ("background", "ignore")


@dataclass(frozen=True)
class Rules:
    """How annotations become labels; None is the format's own way.

    `boxes`: objects that have a box alone leave their picture out, or are filled. `order`: what lies on top of what, as
    in the file (later over earlier), by area (smaller over larger) or by class (later over earlier). `unlabelled`:
    pixels that no object or no row of a table claims become a class "background" or stay not labelled. `stretch`:
    pictures of 16 bits are stretched to 8 by percentiles of the whole set.

    Raises ConfigError for other values.
    """

    boxes: str = "refuse"
    order: str | None = None
    unlabelled: str | None = None
    stretch: bool = False

    def __post_init__(self) -> None:
        for name, known in (("boxes", BOXES), ("order", (None, *ORDERS)), ("unlabelled", (None, *UNLABELLED))):
            if (value := getattr(self, name)) not in known:
                raise ConfigError(
                    f"--{name} {value} is not known: choose {' or '.join(word for word in known if word)}"
                )

    def box(self) -> None:
        """Raise DataError where an object that is a box is not to be filled."""
        if self.boxes == "refuse":
            raise DataError("it has an object that is a box, not an outline: outline it, or fill boxes by --boxes fill")

    def told(self) -> dict[str, Any]:
        """The rules as plain data."""
        return asdict(self)

    @property
    def ground(self) -> bool:
        """Whether pixels of no object are a class of their own, where a format has objects alone."""
        return self.unlabelled != "ignore"

    @property
    def empty(self) -> int:
        """The value that pixels of no object have before anything is painted over them."""
        return 0 if self.ground else IGNORE

    @property
    def other(self) -> int | None:
        """The value that a mask's pixels get which its table does not name; None: they are refused."""
        return None if self.unlabelled is None else self.empty


AS_THE_FORMAT = Rules()
