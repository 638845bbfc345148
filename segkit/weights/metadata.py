"""The JSON beside the tensors in a segkit file: checked field by field before anything is built from it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, TypeAdapter, ValidationError, model_validator
from torch import Tensor

from segkit.base.labels import IGNORE
from segkit.base.pictures import Stretch
from segkit.models.atrous import OutputStride
from segkit.models.build import backbone_options
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.options import BackboneName, Canvas
from segkit.weights.imported import Weights

OWN = "segkit"
"""Whose names the tensors in segkit's own files have."""
METADATA_KEY = "segkit"
"""The key of the metadata in the safetensors header."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Architecture(_Strict):
    """The plain values that `build_network` takes."""

    backbone: BackboneName
    aspp: bool
    options: dict[str, Any]

    @model_validator(mode="after")
    def _options_of_the_class(self) -> "Architecture":
        """Held against the class; None, which earlier files have, stands for its default and is left out."""
        known = backbone_options(self.backbone)
        for name, value in list(self.options.items()):
            if value is None:
                del self.options[name]
                continue
            if name not in known:
                raise ValueError(f"{self.backbone} has no option {name!r}")
            try:
                self.options[name] = TypeAdapter(known[name]).validate_python(value)
            except ValidationError as error:
                raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None
        return self


class Metadata(_Strict):
    """Everything about a network but its tensors."""

    format: Literal[1] = 1
    architecture: Architecture
    classes: tuple[str, ...] = Field(min_length=1, max_length=IGNORE)
    palette: tuple[tuple[int, int, int], ...]
    mean: tuple[float, float, float]
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    canvas: Canvas | None
    output_stride: OutputStride
    stretch: Stretch | None = None
    training: dict[str, Any]
    segkit_version: str

    @model_validator(mode="after")
    def _palette_fits(self) -> "Metadata":
        if len(self.palette) != len(self.classes):
            raise ValueError(f"{len(self.palette)} colours for {len(self.classes)} classes")
        if not all(0 <= value <= 255 for colour in self.palette for value in colour):
            raise ValueError("a colour is outside 0..255")
        if self.stretch is not None and not 0 <= self.stretch[0] < self.stretch[1] < 2**16:
            raise ValueError(f"pictures of 16 bits cannot be stretched by {self.stretch}")
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
                "stretch": model.stretch,
                "training": training,
                "segkit_version": segkit_version,
            }
        )

    def weights(self, tensors: dict[str, Tensor]) -> Weights:
        """This metadata and its tensors together."""
        return Weights(
            source=OWN,
            backbone=self.architecture.backbone,
            aspp=self.architecture.aspp,
            options=self.architecture.options,
            tensors=tensors,
            mean=self.mean,
            std=self.std,
            classes=self.classes,
            palette=self.palette,
            canvas=self.canvas,
            output_stride=self.output_stride,
            stretch=self.stretch,
            training=self.training,
        )
