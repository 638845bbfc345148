"""Other people's names -> ours: the tensor names of a file choose the importer."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from segkit.base.errors import WeightsError, told_by
from segkit.models.build import backbone_class
from segkit.models.options import BACKBONES
from segkit.weights.imported import Weights
from segkit.weights.importers import hugging_face, tensorflow, timm, torchvision

IMPORTERS = (tensorflow, hugging_face, torchvision, timm)

_WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DistributedDataParallel, torch.compile and a trainer put before every name."""
_PARTS = (*_WRAPPERS, "net.", "network.", "encoder.", "backbone.")
"""What may stand before the names of the network alone, beside other tensors: those of a loss or of a decoder."""


def import_tensors(path: Path, tensors: Mapping[str, Tensor]) -> Weights:
    """The weights of a foreign file, recognised by its tensor names.

    It may be a part of the file, such as the encoder of another network. Raises WeightsError when no importer knows the
    names, or when tensors are missing or have the wrong dimensions.
    """
    namings = [(naming, importer.SOURCE) for importer in IMPORTERS for naming in importer.NAMINGS]
    for part in _parts(unwrapped(tensors)):
        naming, source = next((found for found in namings if found[0].matches(set(part))), (None, ""))
        if naming is None:
            continue
        try:
            return naming.convert(part, source)
        except KeyError as error:
            raise WeightsError(f"{path}: the tensor {error} is missing, so the file is not complete") from None
        except (RuntimeError, IndexError) as error:
            raise WeightsError(
                f"{path}: its names are {source}'s, but a tensor has the wrong dimensions ({told_by(error)})"
            ) from None
    names = set(unwrapped(tensors))
    if not names:
        raise WeightsError(f"{path}: holds no tensors")
    some, backbones = ", ".join(sorted(names)[:3]), ", ".join(backbone_class(name).title for name in BACKBONES)
    raise WeightsError(
        f"{path}: no importer knows these tensor names ({some}, ...): segkit reads {backbones} and DeepLabv3 on "
        f"them in its own names and those of {', '.join(importer.SOURCE for importer in IMPORTERS)}"
    )


def _parts(tensors: Mapping[str, Tensor]) -> Iterator[Mapping[str, Tensor]]:
    """The tensors, then those below each of _PARTS, and below each of these in them."""
    yield tensors
    for prefix in _PARTS:
        part = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        if part:
            yield from _parts(part)


def unwrapped(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The same tensors without what stands before all of their names."""
    while wrapper := next((w for w in _WRAPPERS if tensors and all(name.startswith(w) for name in tensors)), None):
        tensors = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items()}
    return tensors
