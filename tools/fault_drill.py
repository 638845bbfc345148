"""Trainings that are killed, stopped, damaged and left without disk, counted by what became of them.

    python -m tools.fault_drill [--kills 100] [--flips 1000] [--signals 20] [--seed 0] [--only KIND ...] [--out FILE.md]

A small training of the shapes is made once, undisturbed. Then each fault: processes are killed at any moment (SIGKILL)
and gone on with until they end; signals are sent at any moment; bits of the run's files are turned and files cut short;
the disk is too small, or filled while it runs (as root on Linux, on a small disk in memory). A fault is survived where
the run ends with the same bytes as the undisturbed one, or, of damage, where it is noticed (or changes nothing). The
exit status is 1 if one was not.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from segkit.base.errors import SegkitError, StoppedError
from segkit.recipe.config import Config
from segkit.training.state import read_state
from segkit.training.train import train
from segkit.weights.files import read_weights

RECIPE = {
    "model": {"backbone": "mobilenet_v2", "width": 0.1, "output_stride": 32},
    "data": {"kind": "shapes", "side": 33, "train_size": 40, "val_size": 2},
    "train": {
        "iterations": 6,
        "batch_size": 2,
        "crop": 33,
        "lr": 0.02,
        "ema": 0.9,
        "precision": "fp32",
        "device": "cpu",
        "workers": 1,
        "log_every": 1,
        "evaluate_every": 2,
        "save_minutes": 1e-9,  # after every step
    },
}
FILES = ("state.safetensors", "last.safetensors", "best.safetensors", "metrics.jsonl")
ENDED = 0
FAILED = 1


class Drill:
    """The faults, each a method that yields how one of them ended: "survived" or what was wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.whole = folder / "whole"
        self.generator = np.random.default_rng(seed)
        self.numbers = iter(range(10**9))
        began = time.monotonic()
        assert self._wait(self._start(self.whole)) == ENDED
        self.seconds = time.monotonic() - began

    def kills(self, count: int) -> Iterator[str]:
        """SIGKILL at any moment, again and again, until the run ends by itself; `count` kills in all."""
        done = 0
        while done < count:
            out = self._new()
            for _ in range(int(self.generator.integers(1, 4))):
                process = self._start(out)
                time.sleep(self.generator.uniform(0, self.seconds))
                os.kill(process, signal.SIGKILL)
                if self._wait(process) == -signal.SIGKILL:
                    done += 1
                    yield "survived" if done < count else self._ends(out)
            if done < count and (how := self._ends(out)) != "survived":
                yield how

    def signals(self, count: int) -> Iterator[str]:
        """SIGINT, SIGTERM and SIGHUP, each in turn, at any moment."""
        for number in range(count):
            sent = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number % 3]
            out = self._new()
            process = self._start(out)
            time.sleep(self.generator.uniform(0.3, self.seconds))
            os.kill(process, sent)
            status = self._wait(process)
            if status not in (ENDED, 128 + sent, -sent):
                yield f"ended with {status} on {sent.name}"
            else:
                yield self._ends(out)

    def flips(self, count: int) -> Iterator[str]:
        """A bit turned, or the end cut off, in the state, the last or the best model."""
        for number in range(count):
            name = FILES[number % 3]
            data = bytearray((self.whole / name).read_bytes())
            place = int(self.generator.integers(len(data)))
            if self.generator.random() < 0.1:
                del data[place:]
            else:
                data[place] ^= 1 << int(self.generator.integers(8))
            path = self.folder / "damaged" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            yield self._noticed(path)

    def disk(self, count: int) -> Iterator[str]:
        """Disks that are too small at the start, or fill while it runs and are emptied, in time or too late."""
        if os.getuid() or not shutil.which("mount"):
            return
        for number in range(count):
            disk = self._new()
            disk.mkdir()
            size = sum(path.stat().st_size for path in self.whole.iterdir())
            fault = ("too small", "filled", "filled to the end")[number % 3]
            _mount(disk, f"size={size // 2 if fault == 'too small' else 3 * size}")
            try:
                yield self._on_a_disk(disk, fault)
            finally:
                subprocess.run(["umount", "-l", str(disk)], check=True)

    def _on_a_disk(self, disk: Path, fault: str) -> str:
        out, filling = disk / "run", disk / "filling"
        if fault == "too small":
            status = self._wait(self._start(out))
            return "survived" if status == FAILED and not out.exists() else f"too small: ended with {status}"
        process = self._start(out)
        while not (out / FILES[0]).exists():
            time.sleep(0.01)
        with contextlib.suppress(OSError), filling.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        if fault == "filled":
            time.sleep(self.seconds / 3)
            filling.unlink()
        status = self._wait(process)
        filling.unlink(missing_ok=True)
        if status not in (ENDED, FAILED):
            return f"{fault}: ended with {status}"
        return self._ends(out)

    def _noticed(self, path: Path) -> str:
        whole = self.whole / path.name
        try:
            if path.name == FILES[0]:
                found, right = read_state(path), read_state(whole)
                assert found is not None and right is not None
                same = found.counters == right.counters and _equal(found.tensors, right.tensors)
            else:
                one, other = read_weights(path), read_weights(whole)
                same = one.training == other.training and _equal(one.tensors, other.tensors)
        except SegkitError:
            return "survived"
        return "survived" if same else f"{path.name} was loaded with other values"

    def _ends(self, out: Path) -> str:
        """Go on with a run until it ends, and hold it against the undisturbed one."""
        status = self._wait(self._start(out))
        if status != ENDED:
            return f"did not go on (status {status})"
        for name in FILES:
            if (out / name).read_bytes() != (self.whole / name).read_bytes():
                return f"{name} is another"
        shutil.rmtree(out)
        return "survived"

    def _new(self) -> Path:
        return self.folder / f"run{next(self.numbers)}"

    def _start(self, out: Path) -> int:
        """A process that begins the run in a folder or goes on with it."""
        process = os.fork()
        if process:
            return process
        status = 70  # whatever is not said below
        try:
            torch.set_num_threads(1)
            with open(self.folder / "said", "a", encoding="utf-8") as said, contextlib.redirect_stderr(said):
                try:
                    train(Config.model_validate(RECIPE), out, resume=True)
                    status = ENDED
                except StoppedError as error:
                    status = 128 + error.signal
                except SegkitError as error:
                    status = FAILED
                    said.write(f"{error}\n")
        finally:
            os._exit(status)

    def _wait(self, process: int) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def main() -> int:
    """Drill, and print how the faults ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    counts = {"kills": 100, "signals": 20, "flips": 1000, "disk": 8}
    for kind, count in counts.items():
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--only", nargs="*", choices=counts)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["| fault | tried | survived | not |", "|---|---|---|---|"]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        drill = Drill(Path(folder), asked.seed)
        for kind in asked.only or counts:
            faults: Callable[[int], Iterator[str]] = getattr(drill, kind)
            ended = Counter(faults(getattr(asked, kind)))
            bad = {how: count for how, count in ended.items() if how != "survived"}
            told = "".join(f"; {how} ({count})" for how, count in bad.items())
            lines.append(f"| {kind} | {sum(ended.values()):,} | {ended['survived']:,} | {sum(bad.values())}{told} |")
            print(lines[-1], flush=True)
            wrong += sum(bad.values())
    if asked.out is not None:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
