"""The recipes that come with segkit: where they are, what each is for, and how a name becomes one."""

import difflib
import os
from pathlib import Path

from segkit.base.errors import ConfigError


def recipes_folder() -> Path:
    """The folder of segkit's own recipes: inside the package where it is installed, else at the top of the checkout."""
    packaged = Path(__file__).parents[1] / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "configs"


def shipped_recipes() -> dict[str, Path]:
    """The files of segkit's own recipes by name, in alphabetical order."""
    return {path.stem: path for path in sorted(recipes_folder().glob("*.yaml"))}


def find_recipe(given: Path | str) -> Path:
    """The file that is meant by a path or by the name of one of segkit's own recipes; a file that is there goes first.

    Raises ConfigError, with the nearest names, where it is neither.
    """
    if os.path.exists(given) and not os.path.isdir(given):
        return Path(given)
    shipped = shipped_recipes()
    if str(given) in shipped:
        return shipped[str(given)]
    near = difflib.get_close_matches(Path(given).stem, shipped, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}? " if near else ""
    raise ConfigError(f"{given}: is neither a file nor a recipe's name: {advice}`segkit recipes` lists the names")


def first_sentence(recipe: Path) -> str:
    """What a recipe is for: the first sentence of the comment at its head."""
    paragraph = []
    for line in recipe.read_text(encoding="utf-8").splitlines():
        words = line.lstrip("#").strip()
        if not line.startswith("#") or not words:
            break
        paragraph.append(words)
    sentence, stop, _ = " ".join(paragraph).partition(". ")
    return sentence + stop.strip()
