"""Speed of segkit beside its peers, as ratios of medians from one run.

    python tools/compare_peers.py [--rounds 5] [--only forward|training|mf] [--json FILE]
    python tools/compare_peers.py --weights FILE --picture FILE [--rounds 5] [--json FILE]

forward   seconds of a single pass at 513x513, batch 1, fp32, eager: segkit's MobileNetV2 (output stride 16, without and
          with ASPP), as `segkit predict` runs it, against segmentation_models_pytorch's DeepLabV3 with mobilenet_v2 at
          output stride 16, as it comes and in channels last.
training  seconds a step at batch 8, crop 321: segkit's training step against a plain fp32 loop on the same network.
mf        seconds of multi-scale and flip at output stride 8 against what the MAdds predict from the single pass.
labels    in place of these, with --weights and --picture: seconds from the picture, brought to 513x513, to its labels,
          as the command has them and by load_model, against the argmax of all probabilities and the peer's labels.

Each side of a pair runs in a process of its own, since memory settings belong to the process, and the pair takes turns,
so that a machine that slows down slows both.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import segkit
from segkit.base.labels import VOC_CLASSES
from segkit.base.machine import describe_machine
from segkit.benchmark.cost import prediction_cost
from segkit.evaluation.inference import MF_SCALES, predict, predict_labels
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.folding import prepare_to_predict

SIDE, CROP, BATCH = 513, 321, 8


def seconds(run: Callable[[], object], *, warmup: int = 2, repeats: int = 5) -> float:
    """The median time of a call."""
    times = []
    for _ in range(warmup + repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times[warmup:])


def network(*, aspp: bool, output_stride: int = 16) -> DeepLabV3:
    """MobileNetV2 with fresh weights."""
    torch.manual_seed(0)
    return build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=aspp, output_stride=output_stride)


def forward_segkit(*, aspp: bool) -> float:
    """A single pass of segkit's network, prepared as every command that predicts prepares it."""
    model = prepare_to_predict(network(aspp=aspp))
    image = torch.rand(1, 3, SIDE, SIDE) * 255
    with torch.inference_mode():
        return seconds(lambda: model(image))


def forward_smp(*, channels_last: bool, is_labelled: bool = False) -> float:
    """A single pass of segmentation_models_pytorch's network, which takes sides that are multiples of 16 only.

    With `is_labelled` to the labels, not the logits.
    """
    import segkit.weights.vision_ops  # noqa: F401, I001 -- before torchvision, which the peer imports
    import segmentation_models_pytorch as smp

    peer = smp.DeepLabV3("mobilenet_v2", encoder_weights=None, encoder_output_stride=16, classes=len(VOC_CLASSES))
    side = SIDE - 1  # 512: a little less work than segkit's 513
    image = torch.rand(1, 3, side, side)
    if channels_last:
        peer, image = peer.to(memory_format=torch.channels_last), image.to(memory_format=torch.channels_last)
    peer.eval()
    with torch.inference_mode():
        return seconds(lambda: peer(image).argmax(1) if is_labelled else peer(image))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Random pictures and labels, uint8."""
    images = torch.randint(0, 256, (BATCH, 3, CROP, CROP), dtype=torch.uint8)
    return images, torch.randint(0, len(VOC_CLASSES), (BATCH, CROP, CROP), dtype=torch.uint8)


def training_plain() -> float:
    """A step as most scripts have it."""
    model = network(aspp=False).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.007, momentum=0.9, weight_decay=4e-5)
    images, labels = batch()

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images.float()), labels.long(), ignore_index=255).backward()
        optimizer.step()

    return seconds(step)


def training_segkit() -> float:
    """A step of `segkit train`, with its settings as they come."""
    from segkit.recipe.config import TrainConfig
    from segkit.training.learner import Learner

    learner = Learner(TrainConfig(batch_size=BATCH, crop=CROP), network(aspp=False), torch.device("cpu"))
    images, labels = batch()
    images = images.contiguous(memory_format=torch.channels_last)  # as the loader gives them
    return seconds(lambda: learner.step(0, images, labels))


def prediction(*, mf: bool) -> float:
    """A picture at output stride 8, as `segkit evaluate` predicts it."""
    model = prepare_to_predict(network(aspp=False, output_stride=8))
    image = torch.randint(0, 256, (1, 3, SIDE, SIDE), dtype=torch.uint8)
    scales = MF_SCALES if mf else (1.0,)
    return seconds(lambda: predict(model, image, scales=scales, flip=mf), warmup=1, repeats=3)


def labels(arguments: argparse.Namespace, *, by: str) -> float:
    """The labels of a picture, as the command, Python's load_model, all probabilities or the peer give them."""
    if by == "smp":
        return forward_smp(channels_last=False, is_labelled=True)
    picture = Image.open(arguments.picture).convert("RGB").resize((SIDE, SIDE))
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    load = segkit.load_model if by == "load_model" else segkit.load_segmenter
    model = load(arguments.weights)
    if by == "probabilities":
        return seconds(lambda: predict(model, image).argmax(1).to(torch.uint8))
    return seconds(lambda: predict_labels(model, image))


LABELS = {f"labels {by}": by for by in ("segkit", "load_model", "probabilities", "smp")}
WORKERS: dict[str, Callable[[], float]] = {
    "forward segkit": lambda: forward_segkit(aspp=False),
    "forward segkit ASPP": lambda: forward_segkit(aspp=True),
    "forward smp": lambda: forward_smp(channels_last=False),
    "forward smp channels last": lambda: forward_smp(channels_last=True),
    "training segkit": training_segkit,
    "training plain": training_plain,
    "mf single": lambda: prediction(mf=False),
    "mf MF": lambda: prediction(mf=True),
}


def measure(names: list[str], rounds: int, options: list[str]) -> dict[str, float]:
    """Medians over the rounds, seconds; in each round every worker runs once, in a process of its own."""
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, __file__, "--worker", name, *options]
            times[name].append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return {name: statistics.median(values) for name, values in times.items()}


def ratios(medians: dict[str, float]) -> dict[str, float]:
    """What is compared, from the medians that there are."""
    found = {}
    if "forward smp" in medians:
        for peer in ("smp", "smp channels last"):
            for ours, goal in (("segkit", " (at least 2.5)" if peer == "smp" else ""), ("segkit ASPP", "")):
                found[f"forward: {peer} / {ours}{goal}"] = medians[f"forward {peer}"] / medians[f"forward {ours}"]
    if "labels smp" in medians:
        ours = medians["labels segkit"]
        found["labels: smp / segkit (at least 5)"] = medians["labels smp"] / ours
        found["labels: segkit / all probabilities (at most 0.75)"] = ours / medians["labels probabilities"]
        found["labels: load_model / segkit (at most 1.05)"] = medians["labels load_model"] / ours
    if "training plain" in medians:
        found["training: plain / segkit (at least 1.7)"] = medians["training plain"] / medians["training segkit"]
    if "mf MF" in medians:
        found["mf: time / what MAdds predict (at most 1.1)"] = medians["mf MF"] / (medians["mf single"] * mf_madds())
    return found


def mf_madds() -> float:
    """How many times the multiply-adds of a single pass those of multi-scale and flip are, at output stride 8."""
    model = network(aspp=False, output_stride=8)
    mf = prediction_cost(model, size=(SIDE, SIDE), scales=MF_SCALES, flip=True)
    return mf.exact / prediction_cost(model, size=(SIDE, SIDE)).exact


def main() -> None:
    """Run the pairs and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["forward", "training", "mf"])
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--weights", metavar="FILE", help="of a trained MobileNetV2 at output stride 16")
    parser.add_argument("--picture", metavar="FILE")
    parser.add_argument("--worker", choices=[*WORKERS, *LABELS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        by = LABELS.get(arguments.worker)
        print(labels(arguments, by=by) if by else WORKERS[arguments.worker]())
        return
    if bool(arguments.weights) != bool(arguments.picture):
        parser.error("--weights and --picture go together")
    names = [name for name in WORKERS if arguments.only in (None, name.split()[0])]
    options = ["--weights", arguments.weights, "--picture", arguments.picture] if arguments.weights else []
    medians = measure([*LABELS] if options else names, arguments.rounds, options)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, medians of {arguments.rounds} rounds")
    for name, value in medians.items():
        print(f"{name:28}{value:8.3f} s")
    for name, value in ratios(medians).items():
        print(f"{name:52}{value:6.2f}")
    if arguments.json:
        found = {"machine": describe_machine(), "rounds": arguments.rounds, "seconds": medians}
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
