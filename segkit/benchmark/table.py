"""The table of the MobileNetV2 paper: published figures, what is counted, and what was measured on this machine."""

from collections.abc import Mapping
from typing import Any

import torch

from segkit.base.machine import describe_machine
from segkit.benchmark.against import against_published
from segkit.benchmark.cells import Cell
from segkit.benchmark.claims import CLAIMED_ON, check_claims
from segkit.benchmark.cost import SIZE, network_cost, wide_head_cost
from segkit.benchmark.latency import Latency
from segkit.benchmark.published import CLASSIFIERS, FULL, NETWORKS, ROWS, SINGLE, Network, PublishedRow, Setting
from segkit.evaluation.compare import miou_difference, paired
from segkit.evaluation.result import Evaluation
from segkit.models.build import build_classifier
from segkit.models.complexity import count_madds, count_parameters


def benchmark_table(
    evaluations: Mapping[Cell, Evaluation] | None = None,
    latencies: Mapping[Cell, Latency] | None = None,
    others: Mapping[str, Evaluation] | None = None,
) -> dict[str, Any]:
    """The table as plain data: mIoUs in 0..1, parameters and multiply-adds as counts, at 513x513.

    `evaluations` and `latencies` are what was measured; a row without has None there. `others` are evaluations of
    networks that the table has not, by name. Claims are told where all was measured on data that they are about.
    """
    evaluations, latencies, others = evaluations or {}, latencies or {}, others or {}
    claimed = all(evaluation.protocol.get("data") in CLAIMED_ON for evaluation in evaluations.values())
    return {
        "size": list(SIZE),
        "machine": describe_machine(),
        "rows": [_row(row, evaluations, latencies) for row in ROWS],
        "pairs": [pair for network in NETWORKS.values() if (pair := _pair(network, evaluations))],
        "wide_head": [_wide_head(setting) for setting in (SINGLE, FULL)],
        "classifiers": _classifiers(),
        "others": [_other(name, evaluation) for name, evaluation in others.items()],
        "claims": [vars(claim) for claim in check_claims(evaluations)] if claimed else [],
    }


def _row(
    row: PublishedRow, evaluations: Mapping[Cell, Evaluation], latencies: Mapping[Cell, Latency]
) -> dict[str, Any]:
    cell = Cell(row.network, row.setting)
    cost = network_cost(row.network, row.setting)
    evaluation, latency = evaluations.get(cell), latencies.get(cell)
    measured = None if evaluation is None else _measured(evaluation)
    return {
        **cell.to_json(),
        "published": {
            "miou": row.miou / 100,
            "parameters": None if row.parameters is None else row.parameters * 1e6,
            "madds": row.madds * 1e9,
            "source": row.source,
        },
        **cost.to_json(),
        "parameters_ratio": None if row.parameters is None else cost.parameters / 1e6 / row.parameters,
        "madds_ratio": cost.tensorflow / 1e9 / row.madds,
        "parts": cost.parts,
        "note": row.note,
        "measured": measured and measured | against_published(row, measured),
        "latency": None if latency is None else vars(latency),
    }


def _other(name: str, evaluation: Evaluation) -> dict[str, Any]:
    protocol = evaluation.protocol
    return {
        "title": name,
        "output_stride": protocol.get("output_stride"),
        "label_maps": "output_stride" not in protocol,
        "mf": bool(protocol.get("flip")) and len(protocol.get("scales", ())) > 1,
        "measured": _measured(evaluation),
    }


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    return evaluation.figures() | {"machine": dict(evaluation.machine)}


def _pair(network: Network, evaluations: Mapping[Cell, Evaluation]) -> dict[str, Any] | None:
    """What output stride 8 with multi-scale and flip changes, where both rows of a network were measured."""
    single, full = (evaluations.get(Cell(network, setting)) for setting in (SINGLE, FULL))
    if single is None or full is None:
        return None
    miou = miou_difference(*paired([single, full]))
    return {"network": network.name, "title": network.title, "aspp": network.aspp, "miou": miou.to_json()}


def _wide_head(setting: Setting) -> dict[str, Any]:
    return {
        "title": "MobileNetV2, head on the 1280-channel map",
        "aspp": True,
        "output_stride": setting.output_stride,
        "mf": setting.mf,
        **wide_head_cost(setting).to_json(),
    }


def _classifiers() -> list[dict[str, Any]]:
    """The classifiers at 224x224: what is published and what is counted."""
    rows = []
    for published in CLASSIFIERS:
        with torch.device("meta"):
            model = build_classifier(published.backbone)
        network = Network(published.backbone, aspp=False)
        rows.append(
            {
                "backbone": published.backbone,
                "title": network.title,
                "published": {
                    "madds": published.madds * 1e6,
                    "parameters": published.parameters * 1e6,
                    "top1": published.top1 / 100,
                    "top5": published.top5 / 100,
                },
                "madds_exact": count_madds(model, (224, 224)),
                "parameters": count_parameters(model),
                "note": published.note,
            }
        )
    return rows
