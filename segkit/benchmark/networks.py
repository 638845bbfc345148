"""Networks of a table or a grid, trained by a recipe or taken from files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from segkit.base.errors import WeightsError
from segkit.benchmark.cells import Models
from segkit.benchmark.published import Network
from segkit.data.dataset import Dataset
from segkit.models.build import backbone_options
from segkit.recipe.build import load_for_data
from segkit.recipe.config import Config


class Training(NamedTuple):
    """A network that is trained, from a seed of the ablation; None stands for the recipe's."""

    network: Network
    seed: int | None = None

    @property
    def name(self) -> str:
        """Of its folder, such as "mobilenet_v2_aspp" or "mobilenet_v2_aspp-seed1"."""
        return self.network.name + ("" if self.seed is None else f"-seed{self.seed}")


def recipe_for(config: Config, network: Network, seed: int | None = None) -> Config:
    """The recipe with another network in it, the weights that the ablation names for its backbone, and a seed."""
    known = backbone_options(network.backbone)
    model = {
        **config.model.model_dump(),
        **{option: None for option in config.model.options if option not in known},
        "backbone": network.backbone,
        "aspp": network.aspp,
        "width": network.options.get("width"),
        "weights": config.ablation.weights.get(network.backbone, config.model.weights),
    }
    values = {**config.model_dump(), "model": model}
    if seed is not None:
        values["train"] = {**values["train"], "seed": seed}
    return Config.model_validate(values)


def load_networks(
    weights: Mapping[Network, Path],
    output_strides: Iterable[int],
    dataset: Dataset,
    *,
    canvas: int | None,
    device: str,
) -> Models:
    """Each network at each output stride, ready to predict the pictures of `dataset`.

    Raises WeightsError for a file that holds another network than the one it is given for.
    """
    models = {}
    for stride in output_strides:
        for network, path in weights.items():
            model = load_for_data(path, dataset, output_stride=stride, canvas=canvas, device=device)
            held = Network.of(model.architecture)
            if held != network:
                raise WeightsError(f"{path}: holds {held.name}, not {network.name}: give the file under its own name")
            models[network, stride] = model
    return models
