"""Whether segkit is right on this GPU, and how fast: one command, under 8 minutes.

    python -m tools.gpu_check [--cpu] [--json FILE]

Runs the tests marked `gpu` (NCCL, bfloat16 and float16, TensorFloat-32, deterministic mode, torch.compile, pinned
memory, channels last), then times every row of the table at 513x513, and networks of torchvision and smp beside them
at 512x512: a step of 8 pictures in the precision that segkit chooses, under autocast for the others
too; a picture in one pass, and as the row has it, in float32 without TensorFloat-32 for all. What is not installed is
named, and what needs it left out. --cpu does the same on a CPU with small pictures, to know that the program works. The
exit status is 1 where a test fails.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from segkit.base.device import autocast, choose_precision

NEEDED = ("pytest", "pydantic", "albumentations")
TESTS = "tests/training/test_gpu.py"
BATCH = 8


def seconds(run: Callable[[], object], device: torch.device, *, repeats: int) -> float:
    """The median time of a call, after two that warm up."""
    times = []
    for _ in range(2 + repeats):
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def run_tests(device: torch.device) -> int:
    """The exit status of the tests."""
    command = [sys.executable, "-m", "pytest", TESTS, "-m", "gpu", "-q", "-rs", "-p", "no:cacheprovider"]
    told = {"SEGKIT_CHECK_DEVICE": device.type, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    return subprocess.run(command, env={**os.environ, **told}).returncode


def time_rows(device: torch.device, *, side: int, repeats: int) -> dict[str, dict[str, float]]:
    """Seconds of a step, of a single pass, and of a picture as the row says, of every row of the table."""
    from segkit.benchmark.published import ROWS
    from segkit.evaluation.inference import predict
    from segkit.models.folding import prepare_to_predict
    from segkit.recipe.config import TrainConfig
    from segkit.training.learner import Learner

    found = {}
    image = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8, device=device)
    images, labels = batch(side)
    for row in ROWS:
        setting = row.setting
        config = TrainConfig(batch_size=BATCH, crop=side, device=device.type)
        learner = Learner(config, row.network.build(setting.output_stride), device)
        step = seconds(partial(learner.step, 0, images, labels), device, repeats=repeats)
        del learner
        model = prepare_to_predict(row.network.build(setting.output_stride)).to(device)
        as_row = partial(predict, model, image, scales=setting.scales, flip=setting.mf)
        found[f"{row.network.name}-{setting.name}"] = {
            "step": step,
            "pass": seconds(partial(predict, model, image), device, repeats=repeats),
            "picture": seconds(as_row, device, repeats=repeats),
        }
    return found


def batch(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a step is given."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (BATCH, 3, side, side), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 21, (BATCH, side, side), dtype=torch.uint8, generator=generator)


def peers() -> dict[str, tuple[str, Callable[[], nn.Module]]]:
    """Networks of others that are installed, each with the row that it stands beside."""
    found: dict[str, tuple[str, Callable[[], nn.Module]]] = {}
    if importlib.util.find_spec("torchvision"):
        import segkit.weights.vision_ops  # noqa: F401  before torchvision beside a CPU-only torch

        def of_torchvision() -> nn.Module:
            from torchvision.models.segmentation import deeplabv3_resnet101

            return deeplabv3_resnet101(weights=None, weights_backbone=None, num_classes=21)

        found["torchvision deeplabv3_resnet101"] = ("resnet101_aspp-os8_mf", of_torchvision)
    if importlib.util.find_spec("segmentation_models_pytorch"):

        def of_smp() -> nn.Module:
            import segmentation_models_pytorch as smp

            return smp.DeepLabV3("mobilenet_v2", encoder_weights=None, classes=21, encoder_output_stride=16)

        found["smp DeepLabV3 mobilenet_v2"] = ("mobilenet_v2_aspp-os16", of_smp)
    return found


def time_peer(make: Callable[[], nn.Module], device: torch.device, *, side: int, repeats: int) -> dict[str, float]:
    """Seconds of a plain step under autocast and of a picture in float32 of a peer's network."""
    precision = choose_precision("auto", device)
    model = make().to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.007, momentum=0.9)
    images, labels = batch(side)

    def logits(x: torch.Tensor) -> torch.Tensor:
        made = model(x)
        return made["out"] if isinstance(made, dict) else made

    def step() -> None:
        optimizer.zero_grad()
        x, y = images.to(device).float() / 255, labels.to(device).long()
        with autocast(device, precision):
            loss = nn.functional.cross_entropy(logits(x), y, ignore_index=255)
        loss.backward()
        optimizer.step()

    took = {"step": seconds(step, device, repeats=repeats)}
    model.eval()
    image = images[:1].to(device).float() / 255
    with torch.inference_mode():
        took["pass"] = seconds(lambda: logits(image).softmax(1), device, repeats=repeats)
    return took


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    device = torch.device("cpu" if given.cpu else "cuda")
    if not given.cpu and not torch.cuda.is_available():
        print("there is no GPU that torch sees: give --cpu to try the program itself")
        return 2
    missing = [name for name in (*NEEDED, "segmentation_models_pytorch") if not importlib.util.find_spec(name)]
    card = "CPU" if given.cpu else torch.cuda.get_device_name()
    told = {"card": card, "torch": torch.__version__, "commit": commit(), "missing": missing}
    print(f"{card}, torch {torch.__version__}, commit {told['commit']}; missing: {', '.join(missing) or 'nothing'}")
    lacks = [name for name in NEEDED if name in missing]
    status = 0
    if lacks:
        print(f"tests and rows left out: pip install {' '.join(lacks)}")
    else:
        status = run_tests(device)
    size = {"side": 65, "repeats": 1} if given.cpu else {"side": 513, "repeats": 5}
    rows = {} if lacks else time_rows(device, **size)
    even = {**size, "side": size["side"] - 1}  # smp takes multiples of 16 alone
    others = {name: (beside, time_peer(make, device, **even)) for name, (beside, make) in peers().items()}
    show(rows, others)
    if given.json:
        peer_rows = {name: took for name, (_, took) in others.items()}
        given.json.write_text(json.dumps({**told, **size, "rows": rows, "peers": peer_rows}, indent=2))
    return status


def show(rows: dict[str, dict[str, float]], others: dict[str, tuple[str, dict[str, float]]]) -> None:
    """Print the table; a peer's ratios are to the row beside."""
    print("| network | ms a step of 8 | ms a pass | ms as the row | step, times the row's | pass, times the row's |")
    print("|---|---|---|---|---|---|")
    for name, took in rows.items():
        times = " | ".join(f"{1000 * took[what]:.1f}" for what in ("step", "pass", "picture"))
        print(f"| {name} | {times} | | |")
    for name, (beside, took) in others.items():
        times = f"{1000 * took['step']:.1f} | {1000 * took['pass']:.1f}"
        ratios = [f"{took[what] / rows[beside][what]:.2f}" if beside in rows else "" for what in ("step", "pass")]
        print(f"| {name} (beside {beside}) | {times} | | {' | '.join(ratios)} |")


def commit() -> str:
    """Of the checkout, where git is there."""
    command = ["git", "rev-parse", "--short=10", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
