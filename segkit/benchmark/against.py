"""A measured mIoU against the published one of its row: the difference, and whether the interval holds it."""

from collections.abc import Mapping
from typing import Any

from segkit.benchmark.published import PublishedRow
from segkit.data.public.voc import FIGURES
from segkit.weights.lineage import Lineage


def against_published(row: PublishedRow, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data: `difference` (measured less published, in 0..1; None where they are not compared) and `verdict`.

    `figures` are those of `Evaluation.figures`.
    """
    published, miou = row.miou / 100, figures["miou"]
    if reason := why_not_compared(figures["protocol"]):
        return {"difference": None, "verdict": f"not compared: {reason}"}
    if miou is None:
        return {"difference": None, "verdict": "not compared: nothing is labelled"}
    low, high = figures["miou_interval"]
    verdict = "below the published" if high < published else "above the published"
    if low <= published <= high:
        verdict = "within the interval"
    return {"difference": miou - published, "verdict": verdict}


def why_not_compared(protocol: Mapping[str, Any]) -> str | None:
    """Why an evaluation by this protocol is not held against figures of VOC 2012 val; None where it may be."""
    data, split = str(protocol.get("data", "untold data")), str(protocol.get("split", ""))
    if (data, split) != ("voc", "val"):
        return f"measured on {data} {split}".rstrip()
    if Lineage.of_protocol(protocol).has_seen(data, split):
        return "val was seen in training"
    if protocol.get("pictures") != FIGURES["val"]:  # the published mIoUs are on all of them
        return f"{protocol.get('pictures')} of {FIGURES['val']} pictures"
    return None
