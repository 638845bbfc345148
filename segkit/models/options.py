"""What networks there are and what their options may be: loads no torch, so that a wrong recipe is refused at once.

A backbone's class says which of the options it has, and what each is when it is left out. The bounds hold for recipes
and keep a hostile file of weights small.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

BACKBONES = {
    "mobilenet_v1": "segkit.models.mobilenet_v1:MobileNetV1",
    "mobilenet_v2": "segkit.models.mobilenet_v2:MobileNetV2",
    "resnet101": "segkit.models.resnet:ResNet101",
}
"""The backbones by name, each with where its class is."""


def check_backbone(name: str) -> str:
    """`name`, if it is one of BACKBONES; else ValueError, which lists them."""
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}: choose one of {', '.join(BACKBONES)}")
    return name


BackboneName = Annotated[str, AfterValidator(check_backbone)]

Canvas = Annotated[int, Field(ge=1, le=2_049)]
"""Side in pixels that pictures are padded to: at most four times that of most, and as much as is predicted whole."""

Padding = Literal["symmetric", "tensorflow"]
"""How a strided convolution is padded. "symmetric" pads both sides alike (PyTorch); "tensorflow" pads so that the
output has ceil(n / stride) positions, with the odd pixel at the end: (0, 1) for a 3x3 at stride 2 on an even side.
At odd sides, such as 513, both are the same."""

Epsilon = Annotated[float, Field(gt=0, le=1)]
"""What batch norm adds to a variance."""

Width = Annotated[float, Field(ge=0.1, le=4)]
Divisor = Annotated[int, Field(ge=1, le=64)]
Stem = Literal["deep", "7x7"]
StridedUnit = Literal["last", "first"]
Dilation = Annotated[int, Field(ge=1, le=32)]
MultiGrid = tuple[Dilation, Dilation, Dilation]
