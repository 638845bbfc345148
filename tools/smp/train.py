"""Train segmentation_models_pytorch's DeepLabV3 by a recipe of segkit's, so that only the network differs.

    python -m tools.smp.train camvid_mobilenet_v2 [KEY=VALUE ...] --out DIR [--mf] [--resume]

Data, augmentation, loss, schedule, optimiser, moving average, validation and the choice of the best model are segkit's:
the loop is `segkit.training.train.train` itself. `model.aspp` does not matter to the peer, which always has ASPP.
`model.weights` is whatever segkit reads that holds a MobileNetV2 with its last convolution, or for a second stage the
best.safetensors of an earlier run of this program. The folder holds what that of `segkit train` holds, the models in
the peer's own names (its `load_state_dict` takes them), and

* figures.json: recipe, validation, test, parameters, multiply-adds, seconds
* test_single.json, test_mf.json: as `segkit evaluate --json` writes them, for `segkit compare`

On a CPU it trains in float32: in bfloat16 oneDNN gives the peer's dilated depthwise layers gradients that are noise
(segkit.models.layers.Conv has the way round it). How the networks differ is told in tools/smp/network.py.
"""

import argparse
import copy
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from segkit.base.device import choose_device
from segkit.base.errors import ConfigError, SegkitError
from segkit.base.files import write_atomically
from segkit.cli.display import Display
from segkit.data.dataset import Dataset
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import MF_SCALES, canvas_of
from segkit.models.complexity import count_madds, count_parameters
from segkit.recipe.build import build_from_config, open_dataset
from segkit.recipe.config import Config, ModelConfig
from segkit.recipe.reading import load_config
from segkit.training.events import Event, Step
from segkit.training.folder import RunFolder
from segkit.training.log import read_metrics
from segkit.training.train import train
from tools.smp.network import SmpDeepLabV3, build, import_smp, save_smp


def cost(model: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """Parameters, and the multiply-adds of a picture of `size` (height, width): half of what torch's counter counts.

    That leaves out the upsampling of the logits, which `segkit.models.complexity` counts.
    """
    blank = copy.deepcopy(model).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        blank(torch.empty(1, 3, *size, device="meta"))
    return {"parameters": count_parameters(model), "size": list(size), "madds": counter.get_total_flops() // 2}


def costs(config: ModelConfig, model: SmpDeepLabV3, dataset: Dataset) -> dict[str, Any]:
    """Both networks at the size that each pads a picture of the data set to; the peer also at segkit's, as it is run.

    The peer alone would pad only to the next multiple of its output stride, which is less.
    """
    own = build_from_config(config.model_copy(update={"weights": None}), dataset)
    height, width = dataset[0].image.shape[:2]
    stride = config.output_stride
    canvas = canvas_of(model, height, width)
    least = (math.ceil(height / stride) * stride, math.ceil(width / stride) * stride)
    with_upsampling = {"madds_with_upsampling": count_madds(own, canvas)}
    return {
        "picture": [height, width],
        "segkit": cost(own, canvas) | with_upsampling,
        "smp": cost(model, least),
        "smp_as_run": cost(model, canvas),
    }


def run(config: Config, out: Path, *, resume: bool = False, mf: bool = False, split: str = "test") -> dict[str, Any]:
    """Train, score the best model on `split`, and write the figures, which are returned.

    A finished run that is resumed is only scored. Raises SegkitError as `segkit.training.train.train` does.
    """
    if choose_device(config.train.device).type == "cpu":
        config = config.model_copy(update={"train": config.train.model_copy(update={"precision": "fp32"})})
    test_set = open_dataset(config.needed_data, split)  # before the hours of work, not after
    iterations: list[float] = []  # seconds of one, the mean of each report
    began = time.perf_counter()
    with Display() as display:

        def listen(event: Event) -> None:
            display.listen(event)
            if isinstance(event, Step):
                iterations.append(config.train.batch_size / event.pictures_per_second)

        torch.manual_seed(config.train.seed)
        network = build(config.model, test_set)
        result = train(config, out, resume=resume, listen=listen, network=network, save=save_smp)
    seconds = {
        "training": round(time.perf_counter() - began, 1),  # since the start or the last resumption
        "per_iteration": statistics.median(iterations) if iterations else None,
    }
    model = build(config.model.model_copy(update={"weights": str(result.best)}), test_set)
    model = model.to(choose_device(config.train.device), memory_format=torch.channels_last).eval()
    passes = {"single": ((1.0,), False)} | ({"mf": (MF_SCALES, True)} if mf else {})
    tested = {}
    for name, (scales, flip) in passes.items():
        about = {"weights": str(result.best), "data": config.needed_data.kind, "split": split}
        evaluation = evaluate(model, test_set, scales=scales, flip=flip, about=about)
        write_atomically(out / f"test_{name}.json", json.dumps(evaluation.to_json()) + "\n")
        tested[name], seconds[f"test_{name}"] = evaluation.figures(), round(evaluation.seconds, 1)
        print(f"{split} mIoU, {name}  {100 * evaluation.miou:.2f} %", flush=True)
    scores = [line for line in read_metrics(RunFolder(out).metrics) if "val_miou" in line]
    figures = {
        "recipe": config.model_dump(mode="json"),
        "versions": {"segmentation_models_pytorch": import_smp().__version__, "torch": torch.__version__},
        "threads": torch.get_num_threads(),
        "iterations": config.train.iterations,
        "skipped": result.skipped,
        "val": [{key: line[key] for key in ("iteration", "val_miou", "best")} for line in scores],
        "best_val_miou": result.best_miou,
        "split": split,
        "test": tested,
        "networks": costs(config.model, model.cpu(), test_set),
        "seconds": seconds,
    }
    write_atomically(out / "figures.json", json.dumps(figures, indent=2) + "\n")
    return figures


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a recipe of segkit's")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="changes to it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    parser.add_argument("--mf", action="store_true", help="test with multi-scale and flip too")
    parser.add_argument("--split", default="test", help="that the best model is scored on [default: test]")
    arguments = parser.parse_intermixed_args()
    try:
        config = load_config(arguments.config, arguments.overrides)
        figures = run(config, arguments.out, resume=arguments.resume, mf=arguments.mf, split=arguments.split)
    except SegkitError as error:
        print(f"train_smp: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    for name in ("segkit", "smp", "smp_as_run"):
        network = figures["networks"][name]
        height, width = network["size"]
        print(
            f"{name:11} {network['parameters'] / 1e6:6.2f}M parameters, {network['madds'] / 1e9:7.3f}B MAdds at "
            f"{width}x{height}"
        )
    print(f"figures     {arguments.out / 'figures.json'}")


if __name__ == "__main__":
    main()
