"""About how long an ablation is going to take: a step and a pass of each network are timed, the rest is arithmetic."""

import math
import time
from collections.abc import Collection
from pathlib import Path

import torch

from segkit.base.device import autocast, choose_device
from segkit.benchmark.ablation import SECONDS, Plan, cells_folder
from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import network_cost
from segkit.benchmark.latency import measure_latency
from segkit.benchmark.networks import recipe_for
from segkit.benchmark.published import Network, Setting
from segkit.data.dataset import Dataset
from segkit.evaluation.inference import canvas_of
from segkit.models.folding import prepare_to_predict
from segkit.recipe.build import build_from_config, open_dataset
from segkit.recipe.config import Config
from segkit.training.folder import RunFolder
from segkit.training.learner import Learner
from segkit.training.state import read_state
from segkit.training.teacher import Teacher, load_teacher


def estimate_seconds(
    config: Config,
    plan: Plan,
    trained: Collection[Network],
    out: Path,
    *,
    split: str,
    precision: torch.dtype = torch.float32,
) -> float:
    """About how many seconds are left of an ablation in the folder `out`; those `trained` are only evaluated.

    Pictures are predicted in `precision`. Raises WeightsError and DownloadError as `load_teacher` does.
    """
    dataset = open_dataset(config.needed_data, split)
    validation = len(open_dataset(config.needed_data, config.needed_data.val_split))
    device = choose_device(config.train.device)
    left: dict[Network, int] = dict.fromkeys(plan.networks, 0)
    for training in plan.trainings:
        if training.network not in trained:
            left[training.network] += iterations_left(out / training.name, config.train.iterations)
    teacher = load_teacher(config, dataset) if any(left.values()) else None
    seconds = 0.0
    for network in plan.networks:
        model = network.build(config.model.output_stride, classes=dataset.classes, canvas=config.model.canvas)
        size = canvas_of(model, *dataset[0].image.shape[:2])
        with autocast(device, precision):
            each = measure_latency(prepare_to_predict(model).to(device), size=size, seconds=0).seconds
        single = Setting(config.model.output_stride, mf=False)
        madds = {
            setting: network_cost(network, setting, size=size, classes=dataset.classes).exact
            for setting in (single, *plan.settings)
        }
        if iterations := left[network]:
            lasting = iterations * _step_seconds(recipe_for(config, network), dataset, teacher)
            lasting += iterations / config.train.evaluate_every * validation * each
            seconds += min(lasting, len(plan.seeds) * 60 * (config.train.max_minutes or math.inf))
        for setting in plan.settings:
            picture = each * madds[setting] / madds[single]
            stored = f"{Cell(network, setting).name}.json"
            waiting = [seed for seed in plan.seeds if not (cells_folder(out, seed) / stored).is_file()]
            seconds += len(waiting) * len(dataset) * picture
            seconds += max(SECONDS, picture)
    return seconds


def iterations_left(folder: Path, iterations: int) -> int:
    """How many of `iterations` the training in a folder has not done; none where its time is over."""
    state = read_state(RunFolder(folder).state)
    if state is None:
        return iterations
    return 0 if state.counters.timed_out else max(0, iterations - state.counters.iteration)


def _step_seconds(recipe: Config, dataset: Dataset, teacher: Teacher | None) -> float:
    train = recipe.train
    learner = Learner(train, build_from_config(recipe.model, dataset), choose_device(train.device), teacher)
    images = torch.zeros(train.batch_size, 3, train.crop, train.crop, dtype=torch.uint8)
    labels = torch.zeros(train.batch_size, train.crop, train.crop, dtype=torch.uint8)
    learner.step(0, images, labels)
    began = time.perf_counter()
    learner.step(1, images, labels)
    return time.perf_counter() - began
