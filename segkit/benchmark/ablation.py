"""The grid of an ablation: what has to be trained and measured, doing it, and what came out as plain data."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segkit.base.errors import ConfigError
from segkit.base.machine import describe_machine
from segkit.base.ranks import Ranks
from segkit.benchmark.cells import Cell, Models, measure_cells
from segkit.benchmark.claims import CLAIMED_ON, check_claims
from segkit.benchmark.cost import Cost, network_cost
from segkit.benchmark.effects import AXES, Measured, Spread, find_effects_over_seeds
from segkit.benchmark.latency import Latency, measure_latency
from segkit.benchmark.networks import Training, load_networks
from segkit.benchmark.published import Network, Setting
from segkit.data.dataset import Dataset
from segkit.evaluation.inference import canvas_of
from segkit.evaluation.result import Evaluation
from segkit.models.build import backbone_options
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config

SECONDS = 5.0
"""How long each cell's latency is measured."""


@dataclass(frozen=True)
class Plan:
    """What an ablation consists of: each of `networks` is trained once a seed and evaluated under all `settings`."""

    axes: tuple[str, ...]
    networks: tuple[Network, ...]
    settings: tuple[Setting, ...]
    seeds: tuple[int | None, ...] = (None,)

    @property
    def cells(self) -> list[Cell]:
        """Every network under every setting."""
        return [Cell(network, setting) for network in self.networks for setting in self.settings]

    @property
    def trainings(self) -> list[Training]:
        """Every network from every seed."""
        return [Training(network, seed) for seed in self.seeds for network in self.networks]


def plan_ablation(config: Config, axes: Sequence[str] = AXES) -> Plan:
    """The grid over `axes`; a switch that is not among them stays where the recipe has it, MF off.

    Raises ConfigError for an axis that there is not.
    """
    for axis in axes:
        if axis not in AXES:
            raise ConfigError(f"unknown axis {axis!r}: choose some of {','.join(AXES)}")
    grid, model = config.ablation, config.model
    backbones = (grid.backbones or (model.backbone,)) if "backbone" in axes else (model.backbone,)
    aspp = grid.aspp if "aspp" in axes else (model.aspp,)
    strides = grid.output_strides if "os" in axes else (model.output_stride,)
    mf = grid.mf if "mf" in axes else (False,)
    width = model.width or 1.0
    return Plan(
        tuple(axis for axis in AXES if axis in axes),
        tuple(
            Network(backbone, switch, width if "width" in backbone_options(backbone) else 1.0)
            for backbone in backbones
            for switch in aspp
        ),
        tuple(Setting(stride, switch) for stride in strides for switch in mf),
        grid.seeds or (None,),
    )


def measure_share(
    config: Config,
    plan: Plan,
    weights: Mapping[Training, Path],
    out: Path,
    ranks: Ranks,
    *,
    split: str,
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Measure and store this process's share of the cells, where `measure_ablation` then finds them; see there."""
    dataset = open_dataset(config.needed_data, split)
    # The dearest first and dealt out in turn, so that no process has all of them.
    cells = sorted(plan.cells, key=lambda cell: (not cell.setting.mf, cell.setting.output_stride, cell.name))
    todo = [(seed, cell) for cell in cells for seed in plan.seeds]
    mine = [todo[place] for place in ranks.share(len(todo))]
    for seed in plan.seeds:
        own = [cell for of, cell in mine if of == seed]
        _measure_seed(config, dataset, own, seed, weights, out, split=split, precision=precision, progress=progress)


def _measure_seed(
    config: Config,
    dataset: Dataset,
    cells: Sequence[Cell],
    seed: int | None,
    weights: Mapping[Training, Path],
    out: Path,
    *,
    split: str,
    precision: torch.dtype,
    progress: Callable[[int, int], None] | None,
) -> tuple[dict[Cell, Evaluation], Models]:
    """The evaluations of cells by the networks of one seed, stored in `out` or measured, and these networks."""
    files = {cell.network: weights[Training(cell.network, seed)] for cell in cells}
    strides = {cell.setting.output_stride for cell in cells}
    models = load_networks(files, strides, dataset, canvas=config.model.canvas, device=config.train.device)
    found = measure_cells(
        cells,
        models,
        files,
        dataset,
        cells_folder(out, seed),
        about={"data": config.needed_data.kind, "split": split},
        precision=precision,
        progress=progress,
    )
    return found, models


def measure_ablation(
    config: Config,
    plan: Plan,
    weights: Mapping[Training, Path],
    out: Path,
    *,
    split: str,
    given: Collection[Network] = (),
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure every cell of the plan with trained `weights`, and return the ablation as plain data.

    Of the weights, those of the networks `given` are not by the recipe. Cells that are stored in `out` are not measured
    again. mIoUs are in 0..1, of predictions in `precision`; multiply-adds and latencies are those of the data's first
    picture on its canvas, in float32. With several seeds all figures are those of the first, with mean and standard
    deviation over the seeds beside them.
    """
    dataset = open_dataset(config.needed_data, split)
    grids: list[dict[Cell, Evaluation]] = []
    models: Models = {}
    for seed in reversed(plan.seeds):  # the first last: its networks are those timed
        grid, models = _measure_seed(
            config, dataset, plan.cells, seed, weights, out, split=split, precision=precision, progress=progress
        )
        grids.insert(0, grid)
    shape = dataset[0].image.shape[:2]
    spent = {cell: _spent(cell, models, dataset) for cell in plan.cells}
    measured = [{cell: Measured(grid[cell], *spent[cell]) for cell in plan.cells} for grid in grids]
    told = config.needed_data.kind in CLAIMED_ON
    return {
        "axes": list(plan.axes),
        "machine": describe_machine(),
        "split": split,
        "pictures": len(dataset),
        "size": list(canvas_of(next(iter(models.values())), *shape)),
        "config": config.model_dump(mode="json"),
        "given": [network.name for network in plan.networks if network in given],
        "seeds": [seed for seed in plan.seeds if seed is not None],
        "cells": [_cell(cell, measured) for cell in plan.cells],
        "effects": [effect.to_json() for effect in find_effects_over_seeds(measured)],
        "claims": [vars(claim) for claim in check_claims(*grids)] if told else [],
    }


def cells_folder(out: Path, seed: int | None) -> Path:
    """Where the evaluations of a seed are kept."""
    return out / "cells" / ("" if seed is None else f"seed{seed}")


def _spent(cell: Cell, models: Models, dataset: Dataset) -> tuple[Cost, Latency]:
    """The cost and the latency of a cell, on the canvas of the data's first picture."""
    network, setting = cell
    model = models[network, setting.output_stride]
    size = canvas_of(model, *dataset[0].image.shape[:2])
    latency = measure_latency(model, size=size, scales=setting.scales, flip=setting.mf, seconds=SECONDS)
    return network_cost(network, setting, size=size, classes=dataset.classes), latency


def _cell(cell: Cell, measured: Sequence[Mapping[Cell, Measured]]) -> dict[str, Any]:
    """A cell as plain data, with its mIoU over the seeds where there are several."""
    mious = Spread(tuple(grid[cell].evaluation.miou for grid in measured))
    seeds = mious.to_json() if len(measured) > 1 else None
    return cell.to_json() | measured[0][cell].to_json() | {"seeds": seeds}
