"""The page of an evaluation."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from segkit.report.charts import curve
from segkit.report.gallery import PageGallery, data_uri
from segkit.report.html import colours, write_page
from segkit.report.matrix import confused_classes, matrix, most_confused, row_shares
from segkit.report.numbers import short, short_percent

_CURVES = {"loss": "Loss", "val_miou": "mIoU on the validation split", "lr": "Learning rate"}
_LAYERS = ("picture", "truth", "prediction", "errors")


class ClassRow(NamedTuple):
    """What is told of a class; shares in 0..1, None where there is nothing to tell, and its colour as in CSS."""

    name: str
    colour: str
    iou: float | None
    interval: Sequence[float] | None
    recall: float | None
    precision: float | None
    share: float | None


def write_evaluation_page(
    path: Path | str,
    result: Mapping[str, Any],
    *,
    title: str,
    palette: Sequence[Sequence[int]],
    gallery: PageGallery | None = None,
    metrics: Iterable[Mapping[str, Any]] = (),
    bad_pictures: int = 0,
    config: Mapping[str, Any] | None = None,
    teacher: str | None = None,
) -> None:
    """Write the page of an evaluation, as one file.

    `result` is that of `Evaluation.to_json()`; `palette` has the RGB colour of each class; `metrics` the lines of
    the training's metrics.jsonl, which left out `bad_pictures`; `config` its recipe; `teacher` what is known of its
    teacher. Raises OutputError where the file cannot be written.
    """
    gallery = gallery or PageGallery(rows=())
    counts = np.array(result["confusion"], np.int64).reshape(len(result["classes"]), -1)
    shown = confused_classes(counts)
    label = "Confusion matrix: rows are the truth, columns the prediction"
    write_page(
        path,
        "evaluation.html.j2",
        title=title,
        result=result,
        classes=_class_rows(result, counts, palette),
        confused=most_confused(counts),
        matrix=matrix(counts, result["classes"], shown=shown, label=label),
        shown_classes=len(shown),
        charts=_charts(metrics),
        bad_pictures=bad_pictures,
        gallery=gallery,
        config=config,
        teacher=teacher,
        data={
            "classes": list(zip(result["classes"], colours(palette), strict=False)),
            "confusion": {
                "shown": shown,
                "counts": counts[np.ix_(shown, shown)].tolist(),
                "shares": row_shares(counts)[np.ix_(shown, shown)].round(6).tolist(),
            },
            **_gallery_data(gallery),
        },
    )


def _gallery_data(gallery: PageGallery) -> dict[str, Any]:
    return {
        "rows": [[row.name, row.miou, row.right, row.pixels, row.labelled, row.only_predicted] for row in gallery.rows],
        "examples": [
            {"row": example.row, "group": example.group, "width": example.layers.width, "height": example.layers.height}
            | {layer: data_uri(getattr(example.layers, layer)) for layer in _LAYERS}
            for example in gallery.examples
        ],
        # By themselves, since they are most of the page: the script reads them when the first is to be seen.
        "thumbnails": [row.thumbnail and data_uri(row.thumbnail) for row in gallery.rows],
    }


def _charts(metrics: Iterable[Mapping[str, Any]]) -> list[tuple[str, Markup]]:
    """The curves of a training, each with its heading; of an iteration the last line counts."""
    lines, charts = list(metrics), []
    for name, heading in _CURVES.items():
        points = {line["iteration"]: line[name] for line in lines if name in line}
        if points:
            form = short_percent if name == "val_miou" else short
            charts.append((heading, curve(sorted(points.items()), label=heading, y_format=form, zero=name == "lr")))
    return charts


def _class_rows(result: Mapping[str, Any], counts: np.ndarray, palette: Sequence[Sequence[int]]) -> list[ClassRow]:
    """A row for each class: `share` is of the labelled pixels."""
    labelled, predicted = counts.sum(1), counts.sum(0)
    return [
        ClassRow(
            name=name,
            colour=colour,
            iou=result["iou"][name],
            interval=result["iou_intervals"][name],
            recall=_share(counts[number, number], labelled[number]),
            precision=_share(counts[number, number], predicted[number]),
            share=_share(labelled[number], labelled.sum()),
        )
        for number, (name, colour) in enumerate(zip(result["classes"], colours(palette), strict=False))
    ]


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
