"""How many small faults the tests notice: each fault alone, against the tests of the file that it is in and no others.

    nice python -m tools.mutations --out mutations.json [--limit 600] [--seed 0] [--only models/layers ...]

The faults (comparisons, signs and operators, constants and bounds one off, `min` for `max`, arguments exchanged or left
out, calls left out, conditions negated) are drawn by chance from all that the files of MODULES can have: the same ones
for the same seed and code, those of a lower limit first. Prints those that no test noticed, which are to be read: some
of them change nothing that can be seen. What the file holds as caught is not tried again, so that a run goes on and
new tests are tried on what was left. docs/results/mutations.md has what was found.

No library does this. mutmut 3 forks as this does, but changes functions alone, none that have a decorator, and no
constant or table outside of them; cosmic-ray changes files in place and starts an interpreter for each fault, which
takes longer to import torch than most of our tests. Neither holds a file to its own tests, or draws by chance.
"""

import argparse
import ast
import importlib
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.mutations.faults import Fault, find_faults
from tools.mutations.trial import Trial, run_tests

ROOT = Path(__file__).resolve().parents[2]
MODELS = (
    "atrous backbone build classifier complexity deeplabv3 folding layer_table layers mobilenet_v1 mobilenet_v2 "
    "options resnet"
)
MODULES = [
    *(f"models/{name}" for name in MODELS.split()),
    *(f"evaluation/{name}" for name in ("geometry", "inference", "intervals", "metrics")),
    "training/learner",
    "training/loss",
    "data/loader",
]
TESTS = {
    "models/backbone": "models/test_backbones",
    "models/build": "models/test_deeplabv3 models/test_classifier",
    "models/mobilenet_v1": "models/test_backbones models/test_complexity",
    "models/mobilenet_v2": "models/test_backbones models/test_complexity",
    "models/options": "recipe/test_config models/test_backbones",
    "models/resnet": "models/test_backbones models/test_complexity",
}
"""The tests of files that have none of their own name; a network's are its figures too."""
WARM = ("torch._dynamo", "albumentations", "pydantic", "safetensors.torch", "torchmetrics.classification", "yaml")
"""What the tests import and no trial should wait for."""


class Found(NamedTuple):
    """A fault that was tried, and how it ended: caught, out of time (which is noticed too) or not noticed."""

    module: str
    line: int
    fault: str
    end: str


def main(arguments: list[str] | None = None) -> int:
    """Try the faults; 1 where some were not noticed."""
    parser = argparse.ArgumentParser("python -m tools.mutations")
    parser.add_argument("--limit", type=int, default=600, help="at most so many faults")
    parser.add_argument("--seed", type=int, default=0, help="of the order in which they are drawn")
    parser.add_argument("--only", nargs="+", default=MODULES, choices=MODULES, metavar="FILE", help="of those drawn")
    parser.add_argument("--out", type=Path, required=True, help="a JSON file for every fault and how it ended")
    asked = parser.parse_args(arguments)
    everything = [(module, number) for module in MODULES for number in range(len(_read(module)[1]))]
    random.Random(asked.seed).shuffle(everything)
    drawn = everything[: asked.limit]
    print(f"{len(drawn)} faults of {len(everything)} in {len(MODULES)} files", flush=True)
    before = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else []
    found = {each[:3]: each for each in (Found(**values) for values in before)}
    _warm()
    with tempfile.TemporaryDirectory() as folder:
        sys.dont_write_bytecode, sys.pycache_prefix = False, folder  # compiled once, outside of the checkout
        for module in asked.only:
            numbers = sorted(number for name, number in drawn if name == module)
            faults = _read(module)[1]
            caught = {key for key, each in found.items() if each.end != "not noticed"}
            left = [n for n in numbers if (module, faults[n].line, faults[n].words) not in caught]
            for each in _try(module, left):
                found[each[:3]] = each
                asked.out.write_text(json.dumps([each._asdict() for each in found.values()], indent=1) + "\n")
    return _print_table(list(found.values()))


def _warm() -> None:
    """Import what tests need, and none of the package, which every trial has its own of."""
    importlib.import_module("segkit.weights.vision_ops")  # first: torchvision can be imported then
    for name in WARM:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "segkit"]:
        del sys.modules[name]


def _read(module: str) -> tuple[ast.Module, list[Fault]]:
    """The code of a file, and the faults that it can have."""
    tree = ast.parse((ROOT / f"segkit/{module}.py").read_text(encoding="utf-8"))
    return tree, find_faults(tree)


def _try(module: str, numbers: Sequence[int]) -> Iterator[Found]:
    """How the faults of a file end, by their numbers; those that nobody notices are printed."""
    own = TESTS.get(module, module.replace("/", "/test_"))

    def trial(tree: ast.Module, limit: int) -> Trial:
        name, path = f"segkit.{module.replace('/', '.')}", ROOT / f"segkit/{module}.py"
        return run_tests(name, path, tree, [ROOT / f"tests/{file}.py" for file in own.split()], limit=limit, root=ROOT)

    if not numbers:
        return
    sound = trial(_read(module)[0], 600)
    if not sound.passed:
        raise SystemExit(f"{own} fails without any fault: mend it first")
    print(f"{module}.py: {len(numbers)} faults against {own}, which takes {sound.seconds:.1f} s", flush=True)
    for number in numbers:
        tree, faults = _read(module)
        fault = faults[number]
        line, words = fault.line, fault.words
        fault.make()
        passed = trial(tree, 10 + int(5 * sound.seconds)).passed
        if passed:
            print(f"  {module}.py:{line}: {words}", flush=True)
        yield Found(module, line, words, "out of time" if passed is None else "not noticed" if passed else "caught")


def _print_table(found: Sequence[Found]) -> int:
    tried = Counter(each.module for each in found)
    missed = Counter(each.module for each in found if each.end == "not noticed")
    print("| file | tried | caught | not noticed |\n| --- | ---: | ---: | ---: |")
    for module, count in tried.items():
        print(f"| {module}.py | {count} | {count - missed[module]} | {missed[module]} |")
    print(f"| all | {len(found)} | {len(found) - missed.total()} | {missed.total()} |")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
