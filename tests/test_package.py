"""What is given away: wheel, source distribution and editable install, built without a network from a copy."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.recipe.shipped import shipped_recipes

ROOT = Path(__file__).parents[1]
NEEDED = ("segkit", "configs", "setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
QUICK = ("train.iterations=2", "train.evaluate_every=1", "train.batch_size=2", "train.workers=0", "data.val_size=2")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what is packaged, so that building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("source")
    for name in NEEDED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / name)
    return folder


def build(source: Path, kind: str, out: Path) -> Path:
    """The wheel or sdist, as an installer has it built."""
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = out.iterdir()
    return built


def test_the_wheel_holds_the_package_and_the_recipes_and_nothing_else(source, tmp_path):
    expected = {str(path.relative_to(source)) for path in (source / "segkit").rglob("*") if path.is_file()}
    expected |= {f"segkit/configs/{name}.yaml" for name in shipped_recipes()}
    assert {"segkit/py.typed", "segkit/report/templates/page.css", "segkit/configs/own_data.yaml"} <= expected
    with zipfile.ZipFile(build(source, "wheel", tmp_path)) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert held == expected
        for name, path in shipped_recipes().items():
            assert wheel.read(f"segkit/configs/{name}.yaml") == path.read_bytes()


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints, without this checkout on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["wheel", "sdist", "editable"])
def installed(request, source, tmp_path_factory) -> Path:
    """The programs of an environment with segkit installed; its requirements are those of this environment."""
    folder = tmp_path_factory.mktemp(request.param)
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # The .pth files there, such as an editable install's, are not followed.
    Path(site, "requirements.pth").write_text(sysconfig.get_path("purelib"))
    what = ["--editable", source] if request.param == "editable" else [build(source, request.param, folder / "dist")]
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    run(sys.executable, "-m", "pip", "--python", python, "install", *offline, *what, cwd=folder)
    return python.parent


@pytest.mark.slow
def test_every_install_works_in_an_empty_folder(installed, source, tmp_path):
    home = Path(run(installed / "python", "-c", "import segkit; print(segkit.__file__)", cwd=tmp_path).strip()).parent
    assert home == source / "segkit" or installed.parent in home.parents
    segkit = installed / "segkit"
    assert set(shipped_recipes()) == {
        line.split()[0] for line in run(segkit, "recipes", cwd=tmp_path).splitlines()[:-1]
    }
    assert "best val mIoU" in run(segkit, "train", "shapes_quickstart", *QUICK, cwd=tmp_path)
    assert (tmp_path / "runs" / "shapes_quickstart" / "report.html").is_file()
    assert "1. No count gives 941.9B" in run(segkit, "benchmark", "--no-eval", cwd=tmp_path)
    _write_labelme(tmp_path / "photos")
    assert "3 pictures imported" in run(segkit, "data", "import", "labelme", "photos", "my_data", cwd=tmp_path)
    assert "0 errors" in run(segkit, "data", "check", "my_data/data.yaml", cwd=tmp_path)


def _write_labelme(folder: Path) -> None:
    """Three pictures with a square in each, as labelme writes them."""
    folder.mkdir()
    for number in range(3):
        low, high = 4 + 6 * number, 20 + 6 * number
        picture = np.random.default_rng(number).integers(0, 80, (40, 50, 3)).astype(np.uint8)
        picture[low:high, low:high] += 100
        Image.fromarray(picture).save(folder / f"{number}.png")
        square = {
            "label": "square",
            "shape_type": "polygon",
            "points": [[low, low], [high, low], [high, high], [low, high]],
        }
        about = {"imagePath": f"{number}.png", "imageHeight": 40, "imageWidth": 50, "shapes": [square]}
        (folder / f"{number}.json").write_text(json.dumps(about))


@pytest.mark.slow
def test_the_source_distribution_can_be_checked_like_a_checkout(source, tmp_path):
    for name in ("docs", "tests", "tools"):
        (source / name).mkdir()
        (source / name / "kept").write_text("")
    with tarfile.open(build(source, "sdist", tmp_path)) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {*NEEDED, "docs/kept", "tests/kept", "tools/kept"} <= held
    assert {f"configs/{name}.yaml" for name in shipped_recipes()} <= held
