"""The grid of an ablation: what has to be trained and measured, doing it, and what came out as plain data."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segkit.base.errors import ConfigError
from segkit.base.machine import describe_machine
from segkit.benchmark.cells import Cell, measure_cells
from segkit.benchmark.claims import CLAIMED_ON, check_claims
from segkit.benchmark.cost import network_cost
from segkit.benchmark.effects import AXES, Measured, find_effects
from segkit.benchmark.latency import measure_latency
from segkit.benchmark.networks import load_networks
from segkit.benchmark.published import Network, Setting
from segkit.evaluation.inference import canvas_of
from segkit.models.build import backbone_options
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config

SECONDS = 5.0
"""How long each cell's latency is measured."""


@dataclass(frozen=True)
class Plan:
    """What an ablation consists of: each of `networks` is trained once and evaluated under all `settings`."""

    axes: tuple[str, ...]
    networks: tuple[Network, ...]
    settings: tuple[Setting, ...]

    @property
    def cells(self) -> list[Cell]:
        """Every network under every setting."""
        return [Cell(network, setting) for network in self.networks for setting in self.settings]


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
    )


def measure_ablation(
    config: Config,
    plan: Plan,
    weights: Mapping[Network, Path],
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
    picture on its canvas, in float32.
    """
    dataset = open_dataset(config.needed_data, split)
    strides = {setting.output_stride for setting in plan.settings}
    models = load_networks(weights, strides, dataset, canvas=config.model.canvas, device=config.train.device)
    evaluations = measure_cells(
        plan.cells,
        models,
        weights,
        dataset,
        out / "cells",
        about={"data": config.needed_data.kind, "split": split},
        precision=precision,
        progress=progress,
    )
    shape = dataset[0].image.shape[:2]
    measured: dict[Cell, Measured] = {}
    for cell in plan.cells:
        network, setting = cell
        model = models[network, setting.output_stride]
        size = canvas_of(model, *shape)
        latency = measure_latency(model, size=size, scales=setting.scales, flip=setting.mf, seconds=SECONDS)
        cost = network_cost(network, setting, size=size, classes=dataset.classes)
        measured[cell] = Measured(evaluations[cell], cost, latency)
    told = config.needed_data.kind in CLAIMED_ON
    return {
        "axes": list(plan.axes),
        "machine": describe_machine(),
        "split": split,
        "pictures": len(dataset),
        "size": list(canvas_of(next(iter(models.values())), *shape)),
        "config": config.model_dump(mode="json"),
        "given": [network.name for network in plan.networks if network in given],
        "cells": [cell.to_json() | found.to_json() for cell, found in measured.items()],
        "effects": [effect.to_json() for effect in find_effects(measured)],
        "claims": [vars(claim) for claim in check_claims(evaluations)] if told else [],
    }
