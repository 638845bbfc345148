"""Evaluations in files, put into the rows of the table: no network is needed."""

from collections.abc import Sequence
from pathlib import Path

from segkit.base.errors import ConfigError, DataError
from segkit.benchmark.cells import Cell
from segkit.benchmark.published import NETWORKS, ROWS, Setting
from segkit.evaluation.inference import MF_SCALES
from segkit.evaluation.result import Evaluation, read_evaluation

PEER = "peer:"
"""Stands before the name that another network is to have in the table."""


def read_kept(named: Sequence[str]) -> tuple[dict[Cell, Evaluation], dict[str, Evaluation]]:
    """The evaluations of files by their row, and those of other networks by name.

    Each of `named` is the path of a file of `segkit evaluate --json`, or NAME=FILE where the file does not tell its
    network, or PEER and NAME=FILE. Raises DataError for a file without an evaluation, ConfigError for one that has no
    place in the table or whose place is taken.
    """
    rows: dict[Cell, Evaluation] = {}
    others: dict[str, Evaluation] = {}
    for text in named:
        name, path = _split(text)
        evaluation = read_evaluation(path)
        told = name or evaluation.protocol.get("network")
        if isinstance(told, str) and told in NETWORKS:
            cell = Cell(NETWORKS[told], _setting(path, evaluation))
            if cell not in {Cell(row.network, row.setting) for row in ROWS}:
                raise ConfigError(
                    f"{path}: the table has no row {cell.name}: name it {PEER}NAME=FILE to have it beside"
                )
            if cell in rows:
                raise ConfigError(f"{path}: is of {cell.name}, as a file before it is: give one of them")
            rows[cell] = evaluation
        elif name is None or not name.startswith(PEER):
            raise ConfigError(
                f"{text}: does not tell its network: give NAME=FILE, with a name among {', '.join(sorted(NETWORKS))}, "
                f"or {PEER}NAME=FILE for another"
            )
        else:
            others[name.removeprefix(PEER)] = evaluation
    return rows, others


def _split(text: str) -> tuple[str | None, Path]:
    name, equals, path = text.partition("=")
    known = name in NETWORKS or name.startswith(PEER)
    return (name, Path(path)) if equals and known else (None, Path(text))


def _setting(path: Path, evaluation: Evaluation) -> Setting:
    protocol = evaluation.protocol
    stride, is_mf = protocol.get("output_stride"), protocol.get("flip") is True
    passes = [protocol.get("scales"), protocol.get("flip"), protocol.get("window")]
    if passes != [[*MF_SCALES] if is_mf else [1.0], is_mf, None] or not isinstance(stride, int):
        raise DataError(f"{path}: is neither of one pass nor of MF over whole pictures, as the table is: leave it out")
    return Setting(stride, mf=is_mf)
