"""A small form of the drill: the large one is run by hand (docs/reliability.md)."""

from collections import Counter

import pytest

from segkit.weights.build import load_model
from segkit.weights.files import save_model
from tools.fault_drill import Drill


@pytest.fixture(scope="module")
def drill(tmp_path_factory):
    return Drill(tmp_path_factory.mktemp("drill"), seed=1)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("flips", 30),
        # Proven by tests/training too, in test_resume and test_keeper.
        pytest.param("kills", 2, marks=pytest.mark.slow),
        pytest.param("signals", 3, marks=pytest.mark.slow),
    ],
)
def test_a_training_survives(drill, kind, count):
    ended = Counter(getattr(drill, kind)(count))
    assert set(ended) == {"survived"} and ended["survived"] >= count


def test_what_is_lost_is_told(drill):
    other = drill.folder / "other"
    other.mkdir()
    model = load_model(drill.whole / "last.safetensors", train=True)
    model.classifier.bias.data[0] += 1
    save_model(other / "last.safetensors", model)
    assert drill._noticed(other / "last.safetensors") == "last.safetensors was loaded with other values"
    (other / "config.yaml").write_bytes(b"")
    assert drill._ends(other).startswith("did not go on")
