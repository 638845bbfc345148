"""The published figures that segkit is measured against, with where they come from.

"paper" is table 7 of MobileNetV2 (Sandler et al., https://arxiv.org/abs/1801.04381), "model zoo" TensorFlow DeepLab's
`g3doc/model_zoo.md`; classifiers are from tables 3 and 4 of the paper and from MobileNets (Howard et al.,
https://arxiv.org/abs/1704.04861).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from segkit.base.labels import VOC_CLASSES
from segkit.evaluation.inference import MF_SCALES
from segkit.models.build import backbone_class, build_network
from segkit.models.deeplabv3 import DeepLabV3


class Network(NamedTuple):
    """A network that is trained once: what its weights depend on."""

    backbone: str
    aspp: bool
    width: float = 1.0

    @property
    def name(self) -> str:
        """Such as "mobilenet_v2_aspp" or "mobilenet_v2_x0.5": for options, files and recipes."""
        width = "" if self.width == 1 else f"_x{self.width:g}"
        return f"{self.backbone}{width}{'_aspp' if self.aspp else ''}"

    @classmethod
    def of(cls, architecture: Mapping[str, Any]) -> "Network":
        """What a model's `architecture` is."""
        return cls(architecture["backbone"], architecture["aspp"], architecture["options"].get("width") or 1.0)

    @property
    def options(self) -> dict[str, float]:
        """The options of the backbone's class."""
        return {} if self.width == 1 else {"width": self.width}

    @property
    def title(self) -> str:
        """Such as "MobileNetV2 x0.5", without the head."""
        return backbone_class(self.backbone).title + ("" if self.width == 1 else f" x{self.width:g}")

    def build(
        self, output_stride: int, *, classes: Sequence[str] = VOC_CLASSES, canvas: int | None = None
    ) -> DeepLabV3:
        """It with fresh weights."""
        return build_network(
            self.backbone,
            classes=classes,
            aspp=self.aspp,
            output_stride=output_stride,
            options=self.options,
            canvas=canvas,
        )


class Setting(NamedTuple):
    """How a network is evaluated."""

    output_stride: int
    mf: bool

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales that are averaged."""
        return MF_SCALES if self.mf else (1.0,)

    @property
    def name(self) -> str:
        """Such as "os8_mf"."""
        return f"os{self.output_stride}{'_mf' if self.mf else ''}"


@dataclass(frozen=True)
class PublishedRow:
    """A row of the table: mIoU in percent on VOC 2012 val, parameters in millions, multiply-adds in billions.

    None: not published. `note` is the footnote of a figure that no count meets.
    """

    network: Network
    setting: Setting
    miou: float
    parameters: float | None
    madds: float
    source: str = "paper"
    note: str | None = None


V1_ASPP = Network("mobilenet_v1", aspp=True)
V2_ASPP = Network("mobilenet_v2", aspp=True)
V2 = Network("mobilenet_v2", aspp=False)
V2_HALF = Network("mobilenet_v2", aspp=False, width=0.5)
R101_ASPP = Network("resnet101", aspp=True)

SINGLE, FULL = Setting(16, mf=False), Setting(8, mf=True)
"""The two settings of the table: output stride 16 in one pass, output stride 8 with multi-scale and flip."""

ROWS = (
    PublishedRow(V1_ASPP, SINGLE, 75.29, 11.15, 14.25),
    PublishedRow(
        V1_ASPP,
        FULL,
        78.56,
        11.15,
        941.9,
        note="No count gives 941.9B: TensorFlow's accounting, which meets the other rows to 0.5 %, gives 990.9B. The "
        "paper's own sentence, 4.9 to 5.7 times fewer multiply-adds than ResNet-101, holds with 990.9B (4.91 times), "
        "not with 941.9B (5.2 times).",
    ),
    PublishedRow(V2_ASPP, SINGLE, 75.70, 4.52, 5.8),
    PublishedRow(V2_ASPP, FULL, 78.42, 4.52, 387.0),
    PublishedRow(V2, SINGLE, 75.32, 2.11, 2.75),
    PublishedRow(V2, FULL, 77.33, 2.11, 152.6),
    PublishedRow(R101_ASPP, SINGLE, 80.49, 58.16, 81.0),
    PublishedRow(R101_ASPP, FULL, 82.70, 58.16, 4870.6),
    PublishedRow(V2_HALF, SINGLE, 70.19, None, 0.88, source="model zoo"),
)

NETWORKS = {row.network.name: row.network for row in ROWS}
"""The networks of the table by name."""


@dataclass(frozen=True)
class PublishedClassifier:
    """A classifier at 224x224: multiply-adds and parameters in millions, top-1 and top-5 in percent."""

    backbone: str
    madds: float
    parameters: float
    top1: float
    top5: float
    note: str


CLASSIFIERS = (
    PublishedClassifier(
        "mobilenet_v1",
        569,
        4.24,
        70.9,
        89.9,
        note="No count gives 4.24M: 4.21M without batch norm, 4.23M with it, 4.25M with its statistics too.",
    ),
    PublishedClassifier(
        "mobilenet_v2", 300, 3.47, 71.8, 91.0, note="3.47M leaves the parameters of batch norm out; with them 3.50M."
    ),
)
