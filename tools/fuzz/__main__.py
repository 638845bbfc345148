"""Damaged and hostile inputs through every door of segkit, counted by how they ended.

    python -m tools.fuzz [--each 15000] [--only DOOR ...] [--seed 0] [--out FILE.md]

Each door has whole inputs, which hypothesis damages: bytes are turned, cut out, repeated and put in, values of JSON and
words of YAML are replaced by odd ones. An input ends well where it is taken or refused by a SegkitError of one line.
Whatever else is a fault: another error, more than 10 seconds, more than 1 GB beside what the process had, a process
that dies. Each door is tried in a process of its own; an input that ended wrongly is written to the folder
`fuzz_faults`. The exit status is 1 if there was one.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st

from segkit.base.errors import SegkitError
from tools.fuzz.doors import Door, doors

SECONDS = 10
BYTES = 2**30
FAULTS = Path("fuzz_faults")
PIECES = [
    b"",
    b"\0",
    b"\xff",
    b"\r\n",
    b"{",
    b"[" * 40,
    b"&a [*a]",
    b"<<: ",
    b"!!",
    b"\x1b[31m",
    b"[/b]",
    b"\xed\xa0\x80",
]
"""What is put in between."""
ODD_WORDS: list[Any] = [None, True, -1, 0, 2**31, 10**400, 1e308, "", "x" * 300, "\0", "\ud800", "../../x", "[/b]"]
ODD_VALUES: list[Any] = [*ODD_WORDS, [], [[]], {}, {"a": 1}]


def damaged(door: Door) -> st.SearchStrategy[bytes]:
    """Inputs made from the whole ones by one to four kinds of damage."""
    # One number is drawn and not each choice: that took hypothesis ten times as long as most doors take.
    return st.builds(lambda seed: damage(door, random.Random(seed)), st.integers(0, 2**63))


def damage(door: Door, chance: random.Random) -> bytes:
    """A whole input of a door, damaged."""
    data = chance.choice(door.whole)
    is_odd = door.text == "json" and chance.random() < 0.5
    if is_odd:
        data = _odd_value(chance, data)
    for _ in range(chance.randint(0 if is_odd else 1, 4)):
        first, last = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        match chance.choice(("turn", "cut", "put", "repeat", "end", "word")):
            case "turn" if first < len(data):
                data = data[:first] + bytes([data[first] ^ 1 << chance.randint(0, 7)]) + data[first + 1 :]
            case "cut":
                data = data[:first] + data[min(last, first + 20) :]
            case "put":
                data = data[:first] + chance.choice(PIECES) + data[first:]
            case "repeat":
                data = data[:last] + data[first:]
            case "end":
                data = data[:last]
            case _ if door.text and (words := list(re.finditer(rb"[\w.-]+", data))):
                word = chance.choice(words)
                odd = json.dumps(chance.choice(ODD_WORDS)).encode()
                data = data[: word.start()] + odd + data[word.end() :]
    return data


def _odd_value(chance: random.Random, data: bytes) -> bytes:
    """JSON of which a value, wherever it stands, is another."""
    whole = json.loads(data)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])

    walk(whole)
    if places:
        holder, key = chance.choice(places)
        holder[key] = chance.choice(ODD_VALUES)
    return json.dumps(whole).encode()


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """In here more than SECONDS or BYTES are an error."""

    def late(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def outcome(door: Door, path: Path) -> str:
    """How an input ended: "taken", "refused", or what was wrong."""
    try:
        with limited(), contextlib.redirect_stdout(io.StringIO()):
            door.enter(path)
    except SegkitError as error:
        return "refused" if "\n" not in str(error) else "wrong: a refusal of several lines"
    except (Exception, SystemExit) as error:
        return f"wrong: {type(error).__name__}"
    return "taken"


def try_door(name: str, seed: int, count: int, place: Path) -> Counter[str]:
    """Damage inputs for a door, write each into `place` before it is tried, and count the outcomes."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        door = doors(Path(folder))[name]()
        at = place / door.name
        found: Counter[str] = Counter()

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(damaged(door))
        def run(data: bytes) -> None:
            at.write_bytes(data)
            how = outcome(door, at)
            found[how] += 1
            if _is_wrong(how) and found[how] <= 3:
                _keep(at, f"{name}_{how.removeprefix('wrong: ')}_{found[how]}")

        for number, data in enumerate(door.whole):
            at.write_bytes(data)
            assert outcome(door, at) == "taken", f"{name}: the whole input {number} is not taken"
        run()
    return found


def main() -> int:
    """Try the doors and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=15_000, help="inputs a door")
    parser.add_argument("--only", nargs="*", help="doors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    lines = ["| door | inputs | taken | refused | wrong | seconds |", "|---|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for name in asked.only or doors(Path()):
        began = time.monotonic()
        found = in_a_process(name, asked.seed, asked.each)
        total.update(found)
        lines.append(_row(name, found, f"{time.monotonic() - began:.0f}"))
        print(lines[-1], flush=True)
    lines.append(_row("all", total, ""))
    print(lines[-1])
    if asked.out is not None:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(any(_is_wrong(how) for how in total))


def in_a_process(name: str, seed: int, each: int) -> Counter[str]:
    """The outcomes of a door, tried in a process of its own; if that dies, that is the one outcome."""
    context = multiprocessing.get_context("fork")  # a fresh process each, without imports
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, context) as pool:
        try:
            return pool.submit(try_door, name, seed, each, Path(folder)).result()
        except BrokenProcessPool:
            for path in Path(folder).iterdir():
                _keep(path, f"{name}_died")
            return Counter({"wrong: the process died": 1})


def _is_wrong(how: str) -> bool:
    return how not in ("taken", "refused")


def _row(name: str, found: Counter[str], seconds: str) -> str:
    wrong = {how.removeprefix("wrong: "): count for how, count in found.items() if _is_wrong(how)}
    told = "".join(f"; {how} {count}" for how, count in wrong.items())
    numbers = f"{sum(found.values()):,} | {found['taken']:,} | {found['refused']:,} | {sum(wrong.values())}{told}"
    return f"| {name} | {numbers} | {seconds} |"


def _keep(path: Path, name: str) -> None:
    FAULTS.mkdir(exist_ok=True)
    shutil.copy(path, FAULTS / name.replace(" ", "_"))


if __name__ == "__main__":
    sys.exit(main())
