"""A recipe read from a YAML file or from plain data, with overrides."""

import copy
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydantic

from segkit.base.errors import ConfigError
from segkit.base.yaml import parse_yaml
from segkit.recipe.config import Config
from segkit.recipe.sentences import complaint
from segkit.recipe.shipped import find_recipe, recipes_folder
from segkit.weights.tensorflow.choice import find_file


def _is_weights(path: str) -> bool:
    """A file or a checkpoint of TensorFlow's; no folder, since names of public weights stand in its place too."""
    return not os.path.isdir(path) and find_file(Path(path)) is not None


_PATHS = {
    "data.root": os.path.isdir,
    "train.unlabelled": os.path.isdir,
    "train.teacher": _is_weights,
    "model.weights": _is_weights,
}
"""What in a recipe is a path, and how to tell that it is there."""


def load_config(
    path: Path | str, overrides: Sequence[str] = (), *, tell: Callable[[str], None] = lambda text: None
) -> Config:
    """The recipe in a YAML file or of a name in `segkit recipes`, with `key=value` overrides such as `train.lr=0.01`.

    Relative paths in a file count from its folder, then from the current one; in overrides and in segkit's own recipes
    from the current one. Which files and folders were found in a recipe's folder is told to `tell`. Raises ConfigError,
    which names the file or the override, the key and (for an unknown one) the nearest that there is. YAML tags that
    would make objects are refused.
    """
    path = find_recipe(path)
    values = read_recipe(path)
    own = os.path.realpath(path.parent) == os.path.realpath(recipes_folder())
    placed = {} if own else _place(values, path.parent)
    config = config_from(values, source=str(path), overrides=overrides, folder=None if own else path.parent)
    if config.data is None:
        raise ConfigError(f"{path}: data is missing: add it")
    for key, found in placed.items():
        if not any(override.startswith(key) for override in overrides):
            tell(f"{key} is {found}, in the recipe's folder")
    return config


def _place(values: dict[str, Any], folder: Path) -> dict[str, str]:
    """Make relative paths to what is in `folder` absolute, and tell which; the others may count from elsewhere."""
    placed = {}
    for key, is_there in _PATHS.items():
        section, name = key.split(".")
        part = values.get(section)
        if not isinstance(part, dict) or not isinstance(part.get(name), str):
            continue
        given, found = part[name], os.path.abspath(folder / part[name])
        if given and not os.path.isabs(given) and is_there(found):
            part[name] = found
            if not os.path.exists(given) or not os.path.samefile(given, found):
                placed[key] = found
    return placed


def read_recipe(path: Path) -> dict[str, Any]:
    """The sections in a YAML file as plain data, not yet checked. Raises ConfigError as `load_config` does."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a null byte in the name
        raise ConfigError(f"{path}: cannot be read as a recipe ({error}): give a YAML file") from None
    try:
        values = parse_yaml(text)
    except ValueError as error:
        raise ConfigError(f"{path}: is not plain YAML ({error}): correct it there") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a recipe is a mapping with the keys {', '.join(Config.model_fields)}")
    # A section whose keys are all commented out is None in YAML.
    return {key: {} if value is None and key in Config.model_fields else value for key, value in values.items()}


def config_from(
    values: dict[str, Any], *, source: str, overrides: Sequence[str] = (), folder: Path | None = None
) -> Config:
    """A recipe from plain data, such as the metadata of a model; `source` names it in the ConfigError raised.

    A relative `data.root` that is not in the current folder is looked for in `folder` too.
    """
    values = copy.deepcopy(values)
    for override in overrides:
        _override(values, override)
    try:
        return Config.model_validate(values, context=folder)
    except pydantic.ValidationError as error:
        raise ConfigError(complaint(error, source=source, overrides=overrides)) from None


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    *sections, last = (part.strip() for part in key.split("."))
    if not equals or not all((*sections, last)):
        raise ConfigError(f"{override!r}: an override is key=value, such as train.lr=0.01")
    try:
        value = parse_yaml(text)
    except ValueError:
        raise ConfigError(f"{override!r}: the value is not plain YAML, such as 0.01, true or [1, 2]") from None
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{override!r}: {section} has no keys of its own: give its value as a whole")
    values[last] = value
