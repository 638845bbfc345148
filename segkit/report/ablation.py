"""An ablation in words and numbers, for the terminal and for Markdown."""

from pathlib import PurePath
from typing import Any

from segkit.report.numbers import billions, difference, latency, points, share, spread
from segkit.report.sheet import (
    SWITCHES,
    Part,
    Sheet,
    bullets,
    claim_line,
    iterations_told,
    machine_line,
    numbered,
    precision_line,
    switches,
)


def ablation_text(found: dict[str, Any]) -> list[Part]:
    """All of `segkit.benchmark.ablation.measure_ablation`: cells, what each switch does, and the paper's claims."""
    parts: list[Part] = [heading(found), cell_sheet(found)]
    parts.append("MAdds in TensorFlow's accounting, exact beside it; mIoU with its 95 % interval.")
    if found["effects"]:
        verdicts = (f"{effect['before']} to {effect['after']}: {effect['verdict']}." for effect in found["effects"])
        parts += [effect_sheet(found), bullets(verdicts)]
    claims = [numbered(map(claim_line, found["claims"]))] if found["claims"] else []
    return [*parts, *claims, machine_line(found)]


def cell_sheet(found: dict[str, Any]) -> Sheet:
    """Every network under every setting."""
    seeds = over_seeds(found)
    rows = (
        (
            *switches(cell),
            share(cell["miou"], cell["miou_interval"]),
            *([spread(cell["seeds"])] if seeds else []),
            billions(cell["madds_tensorflow"]),
            billions(cell["madds_exact"]),
            latency(cell["latency"]["seconds"]),
        )
        for cell in found["cells"]
    )
    return Sheet((*SWITCHES, "mIoU %", *seeds, "MAdds", "exact", "latency"), tuple(rows), len(SWITCHES))


def effect_sheet(found: dict[str, Any]) -> Sheet:
    """What each switch does: the mean over all pairs of cells that differ in it alone."""
    seeds = over_seeds(found)
    rows = (
        (
            f"{effect['before']} to {effect['after']}",
            difference(effect["miou"]),
            *([spread(effect["seeds"], points)] if seeds else []),
            *(f"x{effect[ratio]:.2f}" for ratio in ("madds_tensorflow_ratio", "madds_exact_ratio", "seconds_ratio")),
        )
        for effect in found["effects"]
    )
    return Sheet(("switch", "mIoU, points", *seeds, "MAdds", "exact", "latency"), tuple(rows))


def over_seeds(found: dict[str, Any]) -> list[str]:
    """The heading of the column over all seeds, where there are several."""
    return [f"{len(found['seeds'])} seeds"] if len(found["seeds"]) > 1 else []


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
    if found["given"]:
        protocols = {cell["network"]: cell["protocol"] for cell in found["cells"]}
        given = (f"{name} ({told})" if (told := iterations_told(protocols[name])) else name for name in found["given"])
        said += f" Weights given: {', '.join(given)}."
    if over_seeds(found):
        first, *others = found["seeds"]
        said += f" Figures are of seed {first}; with {', '.join(map(str, others))} too, mean ± standard deviation."
    return said + precision_line(found["cells"])
