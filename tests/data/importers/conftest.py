"""Pictures for exports that the tests write, and what an import made of them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segkit.data.importers import writer
from segkit.data.importers.importing import import_data
from segkit.data.importers.rules import AS_THE_FORMAT, Rules
from segkit.data.pool import spread


class Workbench:
    """A folder `src` to write an export into, and its import into `out`."""

    def __init__(self, folder: Path) -> None:
        self.src = folder / "src"
        self.out = folder / "out"
        self.src.mkdir()

    def picture(self, name: str, width: int = 6, height: int = 4, *, orientation: int = 1) -> Path:
        path = self.src / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[274] = orientation
        pixels = np.random.default_rng(len(name)).integers(0, 256, (height, width, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path, exif=exif)
        return path

    def write(self, name: str, text: str) -> Path:
        path = self.src / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def mask(self, name: str, values: Any, *, mode: str | None = None) -> Path:
        path = self.src / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(values, np.uint8), mode=mode).save(path)
        return path

    def run(self, kind: str, *, rules: Rules = AS_THE_FORMAT, **options: Any) -> dict[str, Any]:
        return import_data(kind, self.src, self.out, rules=rules, **options)

    def label(self, name: str) -> list[list[int]]:
        return np.array(Image.open(self.out / "labels" / f"{name}.png")).tolist()

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.out / "images").iterdir())


@pytest.fixture(autouse=True)
def _sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is sent as to another process, though a test's few pictures are converted in this one."""

    def send(function: Any, shared: Any, tasks: Any, *, workers: int) -> Any:
        function, shared = pickle.loads(pickle.dumps((function, shared)))
        return spread(function, shared, [pickle.loads(pickle.dumps(task)) for task in tasks], workers=workers)

    monkeypatch.setattr(writer, "spread", send)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)
