"""An ablation in words and numbers, for the terminal and for Markdown."""

from pathlib import PurePath
from typing import Any

from segkit.report.sheet import Sheet, billions, latency, machine_line, percent, points, precision_line, switches


def cell_sheet(found: dict[str, Any]) -> Sheet:
    """The cells of `segkit.benchmark.ablation.measure_ablation`."""
    header = ("network", "OS", "ASPP", "MF", "mIoU %", "MAdds", "exact", "latency")
    rows = tuple(
        (
            *switches(cell),
            percent(cell["miou"], cell["miou_interval"]),
            billions(cell["madds_tensorflow"]),
            billions(cell["madds_exact"]),
            latency(cell["latency"]),
        )
        for cell in found["cells"]
    )
    return Sheet(header, rows, (4, 5, 6, 7))


def effect_sheet(found: dict[str, Any]) -> Sheet:
    """What each switch does: the mean over all pairs of cells that differ in it alone."""
    header = ("switch", "mIoU, points", "MAdds", "exact", "latency")
    rows = tuple(
        (
            f"{effect['before']} to {effect['after']}",
            points(effect["miou"]),
            *(f"x{effect[ratio]:.2f}" for ratio in ("madds_tensorflow_ratio", "madds_exact_ratio", "seconds_ratio")),
        )
        for effect in found["effects"]
    )
    return Sheet(header, rows, (1, 2, 3, 4))


def verdict_lines(found: dict[str, Any]) -> list[str]:
    """A sentence for each switch."""
    return [f"{effect['before']} to {effect['after']}: {effect['verdict']}." for effect in found["effects"]]


def claim_lines(found: dict[str, Any]) -> list[str]:
    """The five claims of the paper's table with their verdicts."""
    return [f"{claim['text']} {claim['verdict'].capitalize()}: {claim['numbers']}." for claim in found["claims"]]


def data_name(found: dict[str, Any]) -> str:
    """The kind of the data, of pictures in a folder the folder's name."""
    data = found["config"]["data"]
    return (PurePath(data["root"]).name if data["kind"] == "folder" else "") or str(data["kind"])


def trained_networks(found: dict[str, Any]) -> list[str]:
    """The networks whose weights were not given, in the order of the cells."""
    return list(dict.fromkeys(cell["network"] for cell in found["cells"] if cell["network"] not in found["given"]))


def heading(found: dict[str, Any]) -> str:
    """On what was measured, and where the weights are from."""
    train = found["config"]["train"]
    said = f"Data: {data_name(found)}, split {found['split']}, {found['pictures']:,} pictures."
    if trained := trained_networks(found):
        iterations = f"{train['iterations']:,} iterations of batch {train['batch_size']} at crop {train['crop']}"
        said += f" Trained by the recipe, {iterations}: {', '.join(trained)}."
    if given := found["given"]:
        said += f" Weights given: {', '.join(given)}."
    return said + precision_line(found["cells"])


def ablation_markdown(found: dict[str, Any]) -> str:
    """The whole ablation as Markdown."""
    parts = [heading(found) + "\n", cell_sheet(found).markdown()]
    parts.append("MAdds in TensorFlow's accounting, exact beside it; mIoU with its 95 % interval.\n")
    if found["effects"]:
        parts += [effect_sheet(found).markdown(), _list(verdict_lines(found))]
    parts.append("".join(f"{number}. {line}\n" for number, line in enumerate(claim_lines(found), 1)))
    parts.append(machine_line(found) + "\n")
    return "\n".join(parts)


def _list(lines: list[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)
