"""The page of an ablation, whose switches the reader turns."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from segkit.report.ablation import data_name, heading, trained_networks
from segkit.report.charts import Point, scatter
from segkit.report.html import write_page
from segkit.report.numbers import Format, interval, latency, points, short
from segkit.report.sheet import full_name

SHORT = 2000
"""The page says of a training of fewer iterations that it is short."""


class Switch(NamedTuple):
    """A switch, and how its position in a cell is called."""

    axis: str
    heading: str
    of: Callable[[dict[str, Any]], str]

    def positions(self, cells: Sequence[dict[str, Any]]) -> list[str]:
        """Those that the cells have, in their order."""
        return list(dict.fromkeys(map(self.of, cells)))


_SWITCHES = (
    Switch("backbone", "Backbone", lambda cell: str(cell["title"])),
    Switch("aspp", "ASPP", lambda cell: "on" if cell["aspp"] else "off"),
    Switch("os", "Output stride", lambda cell: str(cell["output_stride"])),
    Switch("mf", "Multi-scale and flip (MF)", lambda cell: "on" if cell["mf"] else "off"),
)


def write_ablation_page(path: Path | str, found: dict[str, Any]) -> None:
    """Write the page of the plain data of `segkit.benchmark.ablation.measure_ablation`, as one file.

    Raises OutputError where the file cannot be written.
    """
    cells = found["cells"]
    switches = [(switch, switch.positions(cells)) for switch in _SWITCHES]
    is_trained = bool(trained_networks(found))
    write_page(
        path,
        "ablation.html.j2",
        title=f"Ablation on {data_name(found)}",
        found=found,
        heading=heading(found),
        is_trained=is_trained,
        is_short=is_trained and found["config"]["train"]["iterations"] < SHORT,
        networks=len({cell["network"] for cell in cells}),
        switches=switches,
        best=max((cell for cell in cells if cell["miou"] is not None), key=lambda cell: cell["miou"], default=None),
        charts=[
            _chart(cells, "multiply-adds", "multiply-adds, TensorFlow", lambda cell: cell["madds_tensorflow"], short),
            _chart(cells, "latency", "latency of one picture", lambda cell: cell["latency"]["seconds"], latency),
        ],
        data={
            "cells": [
                {
                    "name": cell["name"],
                    "title": full_name(cell),
                    "at": [positions.index(switch.of(cell)) for switch, positions in switches],
                }
                for cell in cells
            ],
            "changes": _changes(found["effects"]),
        },
    )


def _changes(effects: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """What turning one switch changed: by the name of the cell after it, then by that of the cell before."""
    changes: dict[str, dict[str, dict[str, Any]]] = {}
    for turn in (turn for effect in effects for turn in effect["steps"]):
        miou = turn["miou"]
        changes.setdefault(turn["b"], {})[turn["a"]] = {
            "points": points(miou["change"]) + (" points" if miou["change"] is not None else ""),
            "interval": interval(miou["interval"], points),
            "holds": miou["interval"] is not None and not miou["shown"],
            "costs": [f"MAdds x{turn['madds_tensorflow_ratio']:.3g}", f"time x{turn['seconds_ratio']:.3g}"],
        }
    return changes


def _chart(
    cells: Sequence[dict[str, Any]], what: str, x_label: str, cost: Callable[[dict[str, Any]], float], form: Format
) -> tuple[str, Markup]:
    """The mIoU against a cost, with its heading."""
    heading = f"mIoU against {what}"
    scored = [
        Point(number, full_name(cell), cost(cell), cell["miou"], cell["miou_interval"])
        for number, cell in enumerate(cells, 1)
        if cell["miou"] is not None
    ]
    return heading, scatter(scored, label=heading, x_label=x_label, x_format=form)
