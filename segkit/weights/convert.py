"""Foreign networks written as segkit's own files."""

from pathlib import Path
from typing import Any

from segkit.base.errors import OutputError, WeightsError
from segkit.base.files import file_digest
from segkit.weights.build import load_model
from segkit.weights.catalogue import CATALOGUE
from segkit.weights.files import read_weights, save_model
from segkit.weights.lineage import CONVERTED, read_lineage
from segkit.weights.metadata import OWN
from segkit.weights.tensorflow.choice import files_of


def convert(weights: Path | str, file: Path, out: Path) -> dict[str, Any]:
    """Write the network in `file`, which `weights` stands for, to `out`, and return what its metadata tell of it.

    That is: `source`, as `weights` is written; the `address` of a name; `sha256` of each file by its name; and
    `trained_on` as far as that is told. Raises OutputError where `out` is there, WeightsError as `load_model` and for a
    file that is segkit's own.
    """
    if out.exists():
        raise OutputError(f"{out} is there already: choose another name, or move it away")
    if read_weights(file).source == OWN:
        raise WeightsError(f"{file}: is segkit's own file already: copy it as it is")
    network = load_model(file, train=True)
    entry = CATALOGUE.get(str(weights))
    told = {
        "source": str(weights),
        "address": None if entry is None else entry.address,
        "sha256": {each.name: file_digest(each) for each in files_of(file)},
        "trained_on": list(read_lineage(file).trained_on),
    }
    save_model(out, network, training={CONVERTED: told})
    return told
