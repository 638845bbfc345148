"""What an exported file says of itself: JSON in its metadata, checked field by field."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segkit.base.errors import WeightsError
from segkit.base.labels import IGNORE
from segkit.base.pictures import Stretch
from segkit.deploy.network import PADDING, Output
from segkit.models.complexity import count_parameters
from segkit.models.deeplabv3 import DeepLabV3
from segkit.version import VERSION

KEY = "segkit"
"""Under which they stand among the metadata of a file."""
_Byte = Annotated[int, Field(ge=0, le=255)]
_LARGEST = 16_385
"""Pixels of a side that pictures are padded to: of more there is no memory for a float picture."""
_INPUT = "uint8 (1, H, W, 3), RGB, 0..255: normalisation is inside"


class About(BaseModel):
    """How to use a file: what goes in and comes out, the classes, how pictures are padded, and what it was made from.

    `size` is (height, width), or None where the sides are `side_step * k + 1` of any k. Pictures are padded at the
    bottom and on the right with the grey `padding`, to `size`, else to a square of `canvas` where that is told, else to
    the next size that fits. `told` says of the weights their file, its SHA-256 and what they were trained on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    input: str = _INPUT
    output: Output
    size: tuple[int, int] | None
    side_step: int = Field(ge=1, le=64)
    padding: _Byte = PADDING
    canvas: Annotated[int, Field(ge=1, le=_LARGEST)] | None
    stretch: Stretch | None
    output_stride: int = Field(ge=1)
    half: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    classes: tuple[str, ...] = Field(min_length=1, max_length=IGNORE)
    palette: tuple[tuple[_Byte, _Byte, _Byte], ...]
    parameters: int
    told: dict[str, Any]
    segkit_version: str = VERSION

    @model_validator(mode="after")
    def _fits(self) -> "About":
        if len(self.palette) != len(self.classes):
            raise ValueError(f"{len(self.palette)} colours for {len(self.classes)} classes")
        if self.size is not None and not 1 <= min(self.size) <= max(self.size) <= _LARGEST:
            raise ValueError(f"a size of {self.size}")
        if self.stretch is not None and not 0 <= self.stretch[0] < self.stretch[1]:
            raise ValueError(f"a stretch of {self.stretch}")
        trained_on = self.told.get("trained_on", [])
        if not (isinstance(trained_on, list) and all(isinstance(name, str) for name in trained_on)):
            raise ValueError(f"trained on {trained_on}, not on names")
        return self

    @classmethod
    def of(
        cls,
        model: DeepLabV3,
        *,
        output: Output,
        size: tuple[int, int] | None,
        half: bool,
        told: Mapping[str, Any],
    ) -> "About":
        """What is to be said of a file made from `model`; `told` is of its weights, see `told_of_weights`."""
        return cls(
            output=output,
            size=size,
            side_step=model.side_step,
            canvas=model.canvas if size is None else None,
            stretch=model.stretch,
            output_stride=model.output_stride,
            half=half,
            mean=tuple(model.mean.flatten().tolist()),
            std=tuple(model.std.flatten().tolist()),
            classes=model.classes,
            palette=tuple((red, green, blue) for red, green, blue in model.palette),
            parameters=count_parameters(model),
            told=dict(told),
        )

    @classmethod
    def read(cls, path: Path, text: str) -> "About":
        """What the metadata of a file say; WeightsError where they are not as segkit writes them."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"])) or "all of it"
            raise WeightsError(f"{path}: its metadata are wrong ({where}: {wrong['msg']}): export it again") from None
