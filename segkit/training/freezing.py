"""What stands still in a training: frozen parts, and batch norm that keeps the statistics of the starting weights."""

from collections.abc import Collection, Sequence

from torch import nn

from segkit.base.errors import ConfigError
from segkit.models.batch_norm import BatchNorm2d
from segkit.recipe.config import PARTS, Part, TrainConfig

Norm = nn.BatchNorm2d | nn.SyncBatchNorm
"""The latter in networks from outside alone."""


def batch_norms(model: nn.Module) -> dict[str, Norm]:
    """The batch norm layers by name."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, Norm)}


def freeze_parts(model: nn.Module, parts: Sequence[Part]) -> None:
    """Have the weights of `parts` need no gradient. Raises ConfigError for a part that the network has not got."""
    for part in parts:
        weights = [parameter for name, parameter in model.named_parameters() if _is_in(name, part)]
        if not weights:
            raise ConfigError(f"train.freeze: the network has no part {part}: leave it out")
        for parameter in weights:
            parameter.requires_grad_(False)


def still_norms(config: TrainConfig, model: nn.Module, fresh: Collection[str]) -> dict[str, Norm]:
    """The batch norm layers whose statistics stand still, by name.

    They are those of frozen parts, and with `batch_norm: freeze` all but the fresh: a mean of 0 and a variance of 1 are
    no statistics of anything. `fresh` names the tensors that no starting weights gave.
    """
    kept = config.batch_norm == "freeze"
    return {
        name: layer
        for name, layer in batch_norms(model).items()
        if _is_in(name, *config.freeze) or (kept and f"{name}.running_mean" not in fresh)
    }


def check_synchronised(config: TrainConfig, model: nn.Module, fresh: Collection[str]) -> None:
    """Raise ConfigError for batch norm that would train on the pictures of one process alone, where there are several.

    segkit's own takes those of all, and so does torch's `SyncBatchNorm`; neither is compiled.
    """
    still = still_norms(config, model, fresh)
    trained = {name: layer for name, layer in batch_norms(model).items() if name not in still}
    if trained and config.compile:
        raise ConfigError(
            "train.compile: what batch norm exchanges between processes is not compiled: set it to false, or "
            "train.batch_norm=freeze, or start one process"
        )
    for name, layer in trained.items():
        if not isinstance(layer, BatchNorm2d | nn.SyncBatchNorm):
            raise ConfigError(
                f"{name}: this batch norm knows nothing of the other processes: make the network of "
                "segkit.models.batch_norm.BatchNorm2d, set train.batch_norm=freeze, or start one process"
            )


def standing_still(config: TrainConfig, model: nn.Module, fresh: Collection[str]) -> list[str]:
    """What stands still, in words; nothing where all of the network trains."""
    told = []
    norms, still = batch_norms(model), still_norms(config, model, fresh)
    if config.freeze:
        frozen = [parameter.numel() for parameter in model.parameters() if not parameter.requires_grad]
        layers = sum(_is_in(name, *config.freeze) for name in norms)
        told.append(
            f"{' and '.join(config.freeze)}: {sum(frozen):,} weights and the statistics of {layers} batch norm layers "
            "stand still"
        )
    if config.batch_norm == "freeze":
        kept = f"the statistics of {len(still)} of {len(norms)} batch norm layers stay as they are"
        moving = _named(norms, norms.keys() - still.keys())
        told.append(kept + (f"; fresh, so trained: {', '.join(moving)}" if moving else ""))
    return told


def _is_in(name: str, *parts: str) -> bool:
    return name.partition(".")[0] in parts


def _named(norms: Collection[str], some: Collection[str]) -> list[str]:
    """The names of some batch norm layers; that of the part alone where they are all that it has."""
    named: list[str] = []
    for part in PARTS:
        own = [name for name in norms if _is_in(name, part)]
        chosen = [name.removesuffix(".norm") for name in own if name in some]
        named += [part] if chosen and len(chosen) == len(own) else chosen
    return named
