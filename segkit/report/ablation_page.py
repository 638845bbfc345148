"""The page of an ablation, whose switches the reader turns."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from segkit.report.ablation import data_name, heading, trained_networks
from segkit.report.axes import Format, short
from segkit.report.charts import Point, scatter
from segkit.report.html import as_yaml, protocol_words, render, write_page
from segkit.report.sheet import full_name, machine_line

SHORT = 2000
"""The page says of a training of fewer iterations that it is short."""

_SWITCHES: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("backbone", "Backbone", lambda cell: str(cell["title"])),
    ("aspp", "ASPP", lambda cell: "on" if cell["aspp"] else "off"),
    ("os", "Output stride", lambda cell: str(cell["output_stride"])),
    ("mf", "Multi-scale and flip (MF)", lambda cell: "on" if cell["mf"] else "off"),
)


class Switch(NamedTuple):
    """A switch and its positions, those that cells have, in the order that the cells have them."""

    axis: str
    heading: str
    values: tuple[str, ...]


class ShownCell(NamedTuple):
    """A cell, its name in words, and the place of each switch among its positions."""

    number: int
    name: str
    at: tuple[int, ...]
    cell: dict[str, Any]


def write_ablation_page(path: Path | str, found: dict[str, Any]) -> None:
    """Write the page of the plain data of `segkit.benchmark.ablation.measure_ablation`, as one file.

    Raises OutputError where the file cannot be written.
    """
    switches = [Switch(axis, name, tuple(dict.fromkeys(map(value, found["cells"])))) for axis, name, value in _SWITCHES]
    cells = _cells(found["cells"], switches)
    networks = list(dict.fromkeys(cell["network"] for cell in found["cells"]))
    is_trained = bool(trained_networks(found))
    page = render(
        "ablation.html.j2",
        title=f"Ablation on {data_name(found)}",
        found=found,
        heading=heading(found),
        is_trained=is_trained,
        is_short=is_trained and found["config"]["train"]["iterations"] < SHORT,
        networks=networks,
        switches=switches,
        cells=cells,
        best=max((each for each in cells if each.cell["miou"] is not None), key=_miou, default=None),
        charts=_charts(found["cells"]),
        protocol=protocol_words(found["cells"][0]["protocol"]) if cells else {},
        machine_line=machine_line(found),
        machine=protocol_words(found["machine"]),
        config=as_yaml(found["config"]),
        data={
            "cells": [{"name": each.cell["name"], "title": each.name, "at": each.at} for each in cells],
            "changes": _changes(found["effects"]),
        },
    )
    write_page(path, page)


def _cells(cells: Sequence[dict[str, Any]], switches: Sequence[Switch]) -> list[ShownCell]:
    return [
        ShownCell(
            number=number,
            name=full_name(cell),
            at=tuple(
                switch.values.index(value(cell)) for switch, (_, _, value) in zip(switches, _SWITCHES, strict=True)
            ),
            cell=cell,
        )
        for number, cell in enumerate(cells, 1)
    ]


def _miou(shown: ShownCell) -> float:
    return float(shown.cell["miou"])


def _changes(effects: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """What turning one switch changed: by the name of the cell after it, then by that of the cell before."""
    changes: dict[str, dict[str, dict[str, Any]]] = {}
    for step in (step for effect in effects for step in effect["steps"]):
        change, interval = step["miou"]["change"], step["miou"]["interval"]
        unknown = change is None or interval is None
        changes.setdefault(step["b"], {})[step["a"]] = {
            "points": "n/a" if unknown else f"{100 * change:+.2f} points",
            "interval": "" if unknown else f"[{100 * interval[0]:+.2f}, {100 * interval[1]:+.2f}]",
            "holds": not unknown and not step["miou"]["shown"],
            "costs": [f"MAdds x{step['madds_tensorflow_ratio']:.3g}", f"time x{step['seconds_ratio']:.3g}"],
        }
    return changes


class _Cost(NamedTuple):
    """What a chart has on its x axis."""

    heading: str
    x_label: str
    of: Callable[[dict[str, Any]], float]
    form: Format


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms" if seconds < 1 else f"{seconds:.4g} s"


_COSTS = (
    _Cost(
        "mIoU against multiply-adds", "multiply-adds, TensorFlow", lambda cell: float(cell["madds_tensorflow"]), short
    ),
    _Cost("mIoU against latency", "latency of one picture", lambda cell: float(cell["latency"]["seconds"]), _time),
)


def _points(cells: Sequence[dict[str, Any]], cost: Callable[[dict[str, Any]], float]) -> list[Point]:
    points = []
    for cell in cells:
        if cell["miou"] is not None:
            low, high = cell["miou_interval"] or (None, None)
            points.append(Point(full_name(cell), cost(cell), cell["miou"], low, high))
    return points


def _charts(cells: Sequence[dict[str, Any]]) -> list[tuple[str, Markup]]:
    numbers = {full_name(cell): number for number, cell in enumerate(cells, 1)}
    return [
        (
            cost.heading,
            scatter(
                _points(cells, cost.of),
                label=cost.heading,
                x_label=cost.x_label,
                log=True,
                numbers=numbers,
                x_format=cost.form,
            ),
        )
        for cost in _COSTS
    ]
