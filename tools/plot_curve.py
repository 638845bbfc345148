"""Draw the curve of a training from its metrics.jsonl: loss and learning rate, and the validation mIoU.

python tools/plot_curve.py RUN/metrics.jsonl OUT.png [--title "CamVid, MobileNetV2"]
"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SMOOTH = 5  # points of the running mean of the loss


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    lines = [json.loads(line) for line in arguments.metrics.read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "loss" in line]
    scores = [line for line in lines if "val_miou" in line]

    figure, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(8, 6), layout="constrained")
    iterations, losses = [step["iteration"] for step in steps], [step["loss"] for step in steps]
    smooth = [sum(losses[max(0, i - SMOOTH + 1) : i + 1]) / min(i + 1, SMOOTH) for i in range(len(losses))]
    upper.plot(iterations, losses, color="0.8", linewidth=0.8)
    upper.plot(iterations, smooth, color="tab:blue", label=f"loss (mean of {SMOOTH})")
    upper.set_ylabel("loss")
    upper.set_ylim(bottom=0)
    rates = upper.twinx()
    rates.plot(iterations, [step["lr"] for step in steps], color="tab:orange", linewidth=1, label="learning rate")
    rates.set_ylabel("learning rate")
    rates.set_ylim(bottom=0)
    upper.legend(handles=[*upper.get_lines()[1:], *rates.get_lines()], loc="upper right")
    lower.plot(
        [score["iteration"] for score in scores], [100 * score["val_miou"] for score in scores], "o-", color="tab:green"
    )
    lower.set_ylabel("val mIoU, %")
    lower.set_xlabel("iteration")
    lower.grid(alpha=0.3)
    figure.suptitle(arguments.title)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
