"""What is wrong with a recipe, in one sentence that names the place, the key and the way out."""

import difflib
import reprlib
from collections.abc import Sequence

import pydantic
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from segkit.recipe.answers import ANSWERS
from segkit.recipe.config import (
    AblationConfig,
    Config,
    FolderConfig,
    ModelConfig,
    ShapesConfig,
    TrainConfig,
    VocConfig,
)


def complaint(error: pydantic.ValidationError, *, source: str, overrides: Sequence[str]) -> str:
    """What is wrong first, in one line that tells where: the override that the key was given by, else the `source`."""
    first = error.errors()[0]
    sentence = _sentence(first)
    unknown = [str(first["loc"][-1])] if first["type"] == "extra_forbidden" else []
    key = ".".join([*_named(first["loc"][: len(first["loc"]) - len(unknown)]), *unknown])
    for override in reversed(overrides):
        given = override.partition("=")[0].strip()
        # What contradicts something else has no key of its own: its sentence names both.
        if f"{key}.".startswith(f"{given}.") or (not key and given in sentence):
            return f"{override!r}: {sentence}"
    return f"{source}: {sentence}"


def _sentence(first: ErrorDetails) -> str:
    location, message = first["loc"], first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if first["type"] == "extra_forbidden":
        *sections, key = location
        section = _SECTIONS[sections[-1]] if sections else Config
        return f"unknown key {'.'.join([*_named(sections), str(key)])}: {_advice(str(key), section)}"
    where = ".".join(_named(location))
    if first["type"] == "missing":
        return f"{where} is missing: add it"
    if first["type"].startswith("union_tag"):
        kinds = first.get("ctx", {}).get("expected_tags", "'voc', 'folder', 'shapes'")
        given = repr(first["ctx"]["tag"]) if first["type"] == "union_tag_invalid" else "missing"
        return f"{where}.kind is {given}: choose one of {kinds}"
    if first["type"] == "value_error":  # a sentence of ours, which names the value
        return f"{where}: {message}" if where else message
    message = message.replace("a valid tuple", "a list")
    short = reprlib.Repr()
    short.maxlevel = 1  # the value may be a whole section, or made huge by YAML's aliases
    return f"{where}: {message}, not {short.repr(first['input'])}" if where else message


def _advice(key: str, section: type[BaseModel]) -> str:
    """What to give instead of a key that `section` has not got."""
    if answer := ANSWERS.get(key.lower().replace("-", "_")):
        return answer
    others: dict[str, type[BaseModel]] = {"model": ModelConfig, "train": TrainConfig}
    if "kind" not in section.model_fields:
        others["data"] = FolderConfig
    for name, other in others.items():
        if key in other.model_fields:
            return f"did you mean {name}.{key}?"
    known = list(section.model_fields)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def _named(location: Sequence[int | str]) -> list[str]:
    """The parts of an error's location that stand in the file, without pydantic's names for types and unions' tags."""
    fields = {*Config.model_fields, *(name for section in _SECTIONS.values() for name in section.model_fields)}
    tag = 1 if location and location[0] == "data" else None
    return [str(part) for at, part in enumerate(location) if at != tag and (isinstance(part, int) or part in fields)]


_SECTIONS: dict[int | str, type[BaseModel]] = {
    "model": ModelConfig,
    "voc": VocConfig,
    "folder": FolderConfig,
    "shapes": ShapesConfig,
    "train": TrainConfig,
    "ablation": AblationConfig,
}
