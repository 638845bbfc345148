"""What has to start fast must not load torch: each case runs in a Python of its own."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "albumentations", "cv2", "matplotlib"}

HELP = """
import sys
from segkit.cli.main import main
sys.argv = ["segkit", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def modules_loaded_by(code: str) -> set[str]:
    report = "\nimport sys; print('\\n' + ' '.join(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code + report], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_import_segkit_loads_no_torch():
    loaded = modules_loaded_by("import segkit")
    assert "segkit" in loaded
    assert not loaded & HEAVY


def test_a_recipe_is_read_without_torch():
    code = "from segkit.recipe.reading import load_config; load_config('configs/camvid_mobilenet_v2.yaml')"
    assert not modules_loaded_by(code) & HEAVY


@pytest.mark.skipif(importlib.util.find_spec("segkit.cli") is None, reason="there is no command line yet")
def test_help_loads_no_torch():
    assert not modules_loaded_by(HELP) & HEAVY
