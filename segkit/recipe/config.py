"""The recipe: the only list of knobs, each with its unit or range."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    ValidationInfo,
)

from segkit.base.errors import ConfigError, DataError
from segkit.models.atrous import OutputStride
from segkit.models.options import BackboneName, Canvas, MultiGrid, Stem, StridedUnit, Width

Colour = tuple[
    Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)]
]
Label = Annotated[int, Field(ge=0, le=255)]
Depth16 = Annotated[int, Field(ge=0, le=65535)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Part = Literal["backbone", "head", "classifier"]
"""Of a network: the first words of the names of its tensors."""
PARTS: tuple[Part, ...] = get_args(Part)


_NO_NAME = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""What no name of a file has: a null byte, half of a letter (other halves are Python's for bytes that are no text)."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @pydantic.field_validator("*")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """Text is what a file can be called."""
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and _NO_NAME.search(text):
                raise ValueError(f"{text!r} is no text: write it anew")
        return value


class ModelConfig(_Section):
    """The network and what it starts from."""

    backbone: BackboneName = "mobilenet_v2"
    aspp: bool = False  # the three atrous branches of the head
    output_stride: OutputStride = 16  # in training; evaluation may choose another
    weights: str | None = None  # to start from: imagenet, a name of `segkit weights` or a file; none: from scratch
    canvas: Canvas | None = None  # side in pixels that evaluation pads to; none: the weights', else the next 16k+1
    width: Width | None = None  # mobilenet_v2: multiplies the channels
    stem: Stem | None = None  # resnet101
    strided_unit: StridedUnit | None = None  # resnet101: the unit of a block that has its stride
    multi_grid: MultiGrid | None = None  # resnet101: dilations in the last block

    @property
    def options(self) -> dict[str, Any]:
        """The options of the backbone's class that the recipe sets."""
        own = {"backbone", "aspp", "output_stride", "weights", "canvas"}
        return self.model_dump(exclude=own, exclude_none=True)


class _FilesConfig(_Section):
    """Data in a folder `root`: a relative one counts from the current folder, then from that of the recipe."""

    kind: str
    root: str
    _recipe_folder: Path | None = PrivateAttr(default=None)

    @pydantic.field_validator("root")
    @classmethod
    def _absolute(cls, root: str, info: ValidationInfo) -> str:
        """A run stores it, and is scored from anywhere; one that is not there stays, to be named as it was given."""
        for folder in (Path(), *((info.context,) if isinstance(info.context, Path) else ())):
            if os.path.isdir(folder / root):
                return os.path.abspath(folder / root)
        return root

    def model_post_init(self, context: Any) -> None:
        """Keep the folder of the recipe, which is given as the context of the validation."""
        self._recipe_folder = context if isinstance(context, Path) else None

    def existing_root(self) -> str:
        """`root`. Raises DataError, which tells where it was looked for, where there is no such folder."""
        if os.path.isdir(self.root):
            return self.root
        try:
            os.fsencode(self.root)
        except UnicodeEncodeError:
            raise DataError(
                f"data.root: {self.root} is the name of no file where names are {sys.getfilesystemencoding()}, as "
                "Python was started: set PYTHONUTF8=1, or a locale of UTF-8"
            ) from None
        here, beside = os.getcwd(), self._recipe_folder
        if os.path.isabs(self.root):
            where = "not there"
        elif beside is None:
            where = f"not in the current folder ({here})"
        else:
            where = f"neither in the recipe's folder ({os.path.abspath(beside)}) nor in the current one ({here})"
        get = "get it with `segkit data get voc2012`, or " if self.kind == "voc" else ""
        raise DataError(f"data.root: {self.root} is {where}: {get}say where it is with data.root=FOLDER")


class VocConfig(_FilesConfig):
    """PASCAL VOC 2012 in its own layout."""

    kind: Literal["voc"]
    root: str  # VOCdevkit/VOC2012 or a folder above it
    train_split: str = "train_aug"
    val_split: str = "val"


class FolderConfig(_FilesConfig):
    """Your own pictures and label maps; `{split}` in a path is replaced by the split's name."""

    kind: Literal["folder"]
    root: str
    images: str = "images/{split}"
    labels: str = "labels/{split}"
    list: str | None = None  # a text file of picture names; none: every picture of the folder
    classes: tuple[str, ...] = Field(min_length=1, max_length=255)
    colours: tuple[Colour, ...] | None = None  # one for each class; also decodes label maps that are RGB
    ignore: Label | tuple[Label, ...] = 255  # label values that are neither trained on nor scored
    mapping: dict[Label, Label] | None = None  # label value in the files -> class
    stretch: tuple[Depth16, Depth16] | None = None  # the values of pictures of 16 bits that become 0 and 255
    train_split: str = "train"
    val_split: str = "val"

    @pydantic.field_validator("classes")
    @classmethod
    def _several(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        """A network of one class is right about every pixel before it has learnt anything."""
        if len(classes) == 1:
            name = classes[0]
            raise ValueError(
                f"there is one class alone, {name}, so there is nothing to tell apart: name what is around it too, as "
                f"[background, {name}], and where masks hold 255 for it, map that to 1 with mapping: {{255: 1}}"
            )
        return classes

    @pydantic.field_validator("stretch")
    @classmethod
    def _ascending(cls, stretch: tuple[int, int] | None) -> tuple[int, int] | None:
        if stretch is not None and stretch[0] >= stretch[1]:
            raise ValueError(f"{stretch[0]} becomes 0 and {stretch[1]} becomes 255: give the smaller one first")
        return stretch


class ShapesConfig(_Section):
    """The built-in set: shapes on textures, drawn on the fly."""

    kind: Literal["shapes"]
    seed: Seed = 0
    side: PositiveInt = 129  # pixels
    train_size: PositiveInt = 4000  # pictures
    val_size: PositiveInt = 200  # pictures
    train_split: Literal["train", "val", "test"] = "train"
    val_split: Literal["train", "val", "test"] = "val"


DataConfig = Annotated[VocConfig | FolderConfig | ShapesConfig, Field(discriminator="kind")]


class TrainConfig(_Section):
    """How to train. The defaults are TF DeepLab's published recipe for MobileNets."""

    iterations: PositiveInt = 30_000
    max_minutes: PositiveFloat | None = None  # ends within so many, the schedule laid over them; none: iterations alone
    batch_size: PositiveInt = 16  # pictures an iteration
    accumulate: PositiveInt = 1  # parts that a batch is computed in, to save memory
    crop: Annotated[int, Field(ge=33)] = 513  # pixels a side
    scales: tuple[PositiveFloat, PositiveFloat] = (0.5, 2.0)
    scale_step: NonNegativeFloat = 0.25  # 0: any scale in between
    mirror: bool = True
    oversample: bool = False  # every second sample of a class drawn evenly, cut where it is: for rare classes
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0  # strength of random brightness, contrast, saturation and hue
    lr: PositiveFloat = 0.007
    head_lr: PositiveFloat | None = None  # of the head and the logits; none: lr
    power: NonNegativeFloat = 0.9  # of the poly schedule
    warmup: NonNegativeInt = 0  # iterations in which the learning rate rises from 0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NonNegativeFloat = 4e-5
    freeze: tuple[Part, ...] = ()  # parts whose weights and statistics stand still
    batch_norm: Literal["train", "freeze"] = "train"  # freeze: statistics that came with starting weights stay theirs
    batch_norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.1  # share of a batch in the running statistics
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the moving average of the weights; 0: none
    class_weights: tuple[NonNegativeFloat, ...] | None = None  # in the cross entropy, one for each class
    jaccard: NonNegativeFloat = 0.0  # weight of the soft Jaccard term beside the cross entropy
    teacher: str | None = None  # weights, as model.weights, of a trained network of the same classes to learn from too
    teacher_weight: NonNegativeFloat = 1.0  # of the teacher's term beside the cross entropy
    temperature: PositiveFloat = 2.0  # that the teacher's and the network's probabilities are softened by
    unlabelled: str | None = None  # folder of pictures without masks, which are learnt from the teacher alone
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"  # auto: the fastest that the device does well
    channels_last: bool = True
    compile: bool = False  # torch.compile: slower to start, faster to run
    device: str = "auto"  # auto: a GPU where there is one; else cpu, cuda, cuda:1, mps
    workers: NonNegativeInt = 2  # processes that prepare pictures; 0: none
    on_bad_picture: Literal["fail", "skip"] = "fail"  # where one to train on cannot be read
    seed: Seed = 0
    evaluate_every: PositiveInt = 1_000  # iterations between evaluations on the val split, each saved too
    save_minutes: PositiveFloat = 5.0  # between savings of what --resume needs: as much is lost at most
    log_every: PositiveInt = 20  # iterations
    tensorboard: bool = False


class AblationConfig(_Section):
    """The grid of `segkit ablate`: the values of each switch, the first of which the others are compared with."""

    backbones: tuple[BackboneName, ...] = ()  # none: the recipe's
    aspp: Annotated[tuple[bool, ...], Field(min_length=1, max_length=2)] = (False, True)
    output_strides: Annotated[tuple[OutputStride, ...], Field(min_length=1)] = (16, 8)  # in evaluation
    mf: Annotated[tuple[bool, ...], Field(min_length=1, max_length=2)] = (False, True)  # multi-scale and flip
    weights: dict[BackboneName, str] = {}  # what each backbone starts from; without: model.weights
    seeds: tuple[Seed, ...] = ()  # each network is trained once with each; none: once with train.seed

    @pydantic.model_validator(mode="after")
    def _once(self) -> "AblationConfig":
        for name in ("backbones", "aspp", "output_strides", "mf", "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"ablation.{name} has a value twice: leave one out")
        return self


class Config(_Section):
    """A recipe; without `data`, the data sets are given to `train` from Python."""

    model: ModelConfig = ModelConfig()
    data: DataConfig | None = None
    train: TrainConfig = TrainConfig()
    ablation: AblationConfig = AblationConfig()

    @property
    def needed_data(self) -> DataConfig:
        """`data`. Raises ConfigError where the recipe has none."""
        if self.data is None:
            raise ConfigError("the recipe has no data, as they were given from Python: give a recipe that has")
        return self.data

    def plain(self) -> dict[str, Any]:
        """The recipe as plain data, as YAML and JSON have it; without the key `data` where it has none."""
        return self.model_dump(mode="json", exclude={"data"} if self.data is None else None)

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> "Config":
        train = self.train
        if train.batch_size % train.accumulate:
            sizes = f"train.batch_size={train.batch_size} is no multiple of train.accumulate={train.accumulate}"
            raise ValueError(f"{sizes}: change one of them")
        if train.scales[0] > train.scales[1]:
            raise ValueError(f"train.scales is (smallest, largest), not {train.scales}: swap them")
        if len(set(train.freeze)) == len(PARTS):
            raise ValueError(f"train.freeze has {', '.join(PARTS)}, which leaves nothing to train: take one out")
        if train.class_weights is not None and not any(train.class_weights):
            raise ValueError("train.class_weights are all 0, so nothing would be learnt: give a class more")
        if train.unlabelled is not None and train.teacher is None:
            raise ValueError("train.unlabelled needs train.teacher, which tells what is in these pictures: give one")
        if isinstance(self.data, FolderConfig):
            count = len(self.data.classes)
            if len(set(self.data.classes)) < count:
                raise ValueError("data.classes names a class twice: give each a name of its own")
            if self.data.colours is not None and len(self.data.colours) != count:
                raise ValueError(f"data.colours has {len(self.data.colours)} colours for {count} classes")
            if train.class_weights is not None and len(train.class_weights) != count:
                raise ValueError(f"train.class_weights has {len(train.class_weights)} weights for {count} classes")
        return self
