"""Trainings of two processes, of which one is killed, or that are told to end, counted by what became of them.

    python -m tools.rank_drill [--each 10] [--seed 0]

A small training is made by torchrun, undisturbed. Then others are disturbed at any moment. *alone*: one process gets
SIGKILL; the other has ended within a minute, and `--resume` goes on. *restarted*: the same under `--max-restarts`, and
it goes on by itself. *told*: torchrun gets SIGTERM; one state is saved, and `--resume` goes on. Each is survived where
the run ends with the bytes of the undisturbed one. Linux alone; the exit status is 1 if one was not.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from tools.fault_drill import FILES, RECIPE

WITHIN = 60
"""Seconds in which the others have to have ended when one has."""
KINDS = ("alone", "restarted", "told")


class Drill:
    """Trainings below `folder`; each method that is a kind tells "survived", or what was wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.recipe = folder / "recipe.yaml"
        self.recipe.write_text(yaml.safe_dump(RECIPE))
        self.rng = np.random.default_rng(seed)
        began = time.monotonic()
        assert self._start(folder / "whole").wait() == 0
        self.lasts = time.monotonic() - began
        self.right = self._bytes(folder / "whole")
        self.slowest = 0.0

    def alone(self, out: Path) -> str:
        """One is killed, the other ends, and the run goes on."""
        run = self._start(out)
        if not self._kill_one(run):
            return self._judge(out, run.wait())
        began = time.monotonic()
        run.wait()
        self.slowest = max(self.slowest, time.monotonic() - began)
        if self.slowest > WITHIN:
            return "the other did not end in time"
        return self._judge(out, self._start(out, resume=True).wait())

    def restarted(self, out: Path) -> str:
        """One is killed, and torchrun starts both again."""
        run = self._start(out, "--max-restarts", "3")
        self._kill_one(run)
        return self._judge(out, run.wait())

    def told(self, out: Path) -> str:
        """torchrun is told to end, which tells all."""
        run = self._start(out)
        self._sleep()
        run.send_signal(signal.SIGTERM)
        run.wait()
        return self._judge(out, self._start(out, resume=True).wait())

    def _start(self, out: Path, *options: str, resume: bool = False) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *options]
        command += ["-m", "segkit", "train", str(self.recipe), "--out", str(out), *(["--resume"] if resume else [])]
        with (self.folder / f"{out.name}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def _sleep(self) -> None:
        time.sleep(self.rng.uniform(0.2, self.lasts))

    def _kill_one(self, run: subprocess.Popen[bytes]) -> bool:
        """Whether it was there yet, and still."""
        self._sleep()
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        found = children.read_text().split() if children.exists() else []
        if found:
            os.kill(int(self.rng.choice(found)), signal.SIGKILL)
        return bool(found)

    def _judge(self, out: Path, status: int) -> str:
        if status:
            return f"exit status {status}"
        return "survived" if self._bytes(out) == self.right else "other bytes"

    def _bytes(self, out: Path) -> dict[str, bytes]:
        return {name: (out / name).read_bytes() for name in FILES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drill and print a table of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    given = parser.parse_args(arguments)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="segkit-drill-") as folder:
        drill = Drill(Path(folder), given.seed)
        print("| fault | tried | survived | not |\n|---|---|---|---|")
        for kind in given.only:
            ended = Counter(getattr(drill, kind)(Path(folder) / f"{kind}{number}") for number in range(given.each))
            survived = ended.pop("survived", 0)
            print(f"| {kind} | {given.each} | {survived} | {dict(ended) or 0} |", flush=True)
            if ended:
                for log in Path(folder).glob(f"{kind}*.log"):
                    print(log.read_text()[-3000:], file=sys.stderr)
            wrong += sum(ended.values())
        print(f"The other process had ended {drill.slowest:.1f} s after the one that was killed, at most.")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
