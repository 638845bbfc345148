"""Names for pictures that lie in one folder."""

import re
from collections.abc import Sequence

LONGEST = 100
"""Characters; of longer names the end is kept."""


def flat_names(names: Sequence[str]) -> list[str]:
    """A file name without ending for each name with folders, none twice, also where case is not told apart.

    "city/a" becomes "city_a"; what is no letter, digit, "_", "-" or "." becomes "_". Of names that become one the first
    in alphabetical order keeps it, the others get "_2", "_3" ...
    """
    flat = {}
    taken: set[str] = set()
    for place in sorted(range(len(names)), key=lambda place: names[place]):
        wanted = re.sub(r"[^\w.-]+", "_", names[place].strip("/"))[-LONGEST:].lstrip(".-") or "picture"
        name, number = wanted, 1
        while name.casefold() in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name.casefold())
        flat[place] = name
    return [flat[place] for place in range(len(names))]
