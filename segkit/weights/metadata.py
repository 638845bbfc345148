"""The JSON beside the tensors in a segkit file: checked field by field before anything is built from it."""

import inspect
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from segkit.base.labels import IGNORE
from segkit.models.build import BACKBONES
from segkit.models.deeplabv3 import DeepLabV3
from segkit.weights.imported import Weights

KEY = "segkit"
"""The key of the metadata in the safetensors header."""

MAX_CANVAS = 16_385
"""Pixels; sixteen times the side of most pictures, and still something that a machine can hold."""

Dilation = Annotated[int, Field(ge=1, le=32)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BackboneOptions(_Strict):
    """Options of the backbone's class; those left out have the class's defaults. Bounds keep a hostile file small."""

    width: float | None = Field(None, ge=0.1, le=4)
    divisor: int | None = Field(None, ge=1, le=64)
    padding: Literal["symmetric", "tensorflow"] | None = None
    eps: float | None = Field(None, gt=0, le=1)
    stem: Literal["deep", "7x7"] | None = None
    strided_unit: Literal["last", "first"] | None = None
    multi_grid: tuple[Dilation, Dilation, Dilation] | None = None


class Architecture(_Strict):
    """The plain values that `build_network` takes."""

    backbone: str
    aspp: bool
    options: BackboneOptions

    @model_validator(mode="after")
    def _known(self) -> "Architecture":
        if self.backbone not in BACKBONES:
            raise ValueError(f"unknown backbone {self.backbone!r}")
        for option in self.options.model_dump(exclude_none=True):
            if option not in inspect.signature(BACKBONES[self.backbone]).parameters:
                raise ValueError(f"{self.backbone} has no option {option!r}")
        return self


class Metadata(_Strict):
    """Everything about a network but its tensors."""

    format: Literal[1] = 1
    architecture: Architecture
    classes: tuple[str, ...] = Field(min_length=1, max_length=IGNORE)
    palette: tuple[tuple[int, int, int], ...]
    mean: tuple[float, float, float]
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    canvas: PositiveInt | None = Field(le=MAX_CANVAS)
    output_stride: Literal[8, 16, 32]
    training: dict[str, Any]
    segkit_version: str

    @model_validator(mode="after")
    def _palette_fits(self) -> "Metadata":
        if len(self.palette) != len(self.classes):
            raise ValueError(f"{len(self.palette)} colours for {len(self.classes)} classes")
        if not all(0 <= value <= 255 for colour in self.palette for value in colour):
            raise ValueError("a colour is outside 0..255")
        return self

    @classmethod
    def of(cls, model: DeepLabV3, *, training: dict[str, Any], segkit_version: str) -> "Metadata":
        """The metadata of a network."""
        return cls.model_validate(
            {
                "architecture": model.architecture,
                "classes": model.classes,
                "palette": model.palette,
                "mean": model.mean.flatten().tolist(),
                "std": model.std.flatten().tolist(),
                "canvas": model.canvas,
                "output_stride": model.output_stride,
                "training": training,
                "segkit_version": segkit_version,
            }
        )

    def weights(self, tensors: dict[str, Tensor]) -> Weights:
        """This metadata and its tensors together."""
        return Weights(
            source="segkit",
            form="segmentation",
            backbone=self.architecture.backbone,
            options=self.architecture.options.model_dump(exclude_none=True),
            tensors=tensors,
            mean=self.mean,
            std=self.std,
            aspp=self.architecture.aspp,
            classes=self.classes,
            palette=self.palette,
            canvas=self.canvas,
            training=self.training,
        )
