"""Pages: one HTML file that holds all it needs and asks nothing of a network."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from segkit.base.files import write_atomically
from segkit.report import axes, sheet
from segkit.report.bars import bar
from segkit.report.charts import lines
from segkit.report.figures import class_rows, colours, curves
from segkit.report.gallery import PageGallery, data_uri
from segkit.report.matrix import confused_classes, matrix, most_confused, row_shares
from segkit.version import VERSION

_TEMPLATES = Path(__file__).parent / "templates"
_STYLES = (
    "page.css",
    "table.css",
    "chart.css",
    "viewer.css",
    "claims.css",
    "benchmark.css",
    "ablation.css",
    "data.css",
)
_SCRIPTS = ("page.js", "table.js", "matrix.js", "viewer.js", "pictures.js", "benchmark.js", "ablation.js", "data.js")
_CURVES = {"loss": "Loss", "val_miou": "mIoU on the validation split", "lr": "Learning rate"}


def render(template: str, **values: Any) -> str:
    """A page from a template that extends `base.html.j2`, with the style and the script of all pages in it.

    `values` are escaped wherever they stand; `title` and `data` (plain data by the id that the script reads it by) have
    to be among them. Raises jinja2.UndefinedError where the template uses a value that is not given.
    """
    style, script = (
        Markup("\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names))
        for names in (_STYLES, _SCRIPTS)
    )
    # The page allows this one script and no address: what is in a name could not run or call home even if it got out.
    allowed = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template(template)
    return page.render(style=style, script=script, allowed_script=allowed, version=VERSION, **values)


def protocol_words(protocol: Mapping[str, Any]) -> dict[str, str]:
    """The protocol of an evaluation, or any plain values by name, in words."""
    return {key.replace("_", " "): _plain(value) for key, value in protocol.items()}


def write_page(path: Path | str, page: str) -> None:
    """Write a rendered page. Raises OutputError where the file cannot be written."""
    write_atomically(Path(path), page.encode("utf-8", "replace"))  # a file's name need not be proper text


def as_yaml(config: Mapping[str, Any]) -> str:
    """A recipe as its file has it."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def write_evaluation_page(
    path: Path | str,
    result: Mapping[str, Any],
    *,
    title: str,
    palette: Sequence[Sequence[int]],
    gallery: PageGallery | None = None,
    curve: Iterable[Mapping[str, Any]] = (),
    config: Mapping[str, Any] | None = None,
    teacher: str | None = None,
) -> None:
    """Write the page of an evaluation, as one file.

    `result` is that of `Evaluation.to_json()`; `palette` has the RGB colour of each class; `curve` the lines of the
    training's metrics.jsonl; `config` its recipe; `teacher` what is known of its teacher. Raises OutputError where the
    file cannot be written.
    """
    gallery = gallery or PageGallery(rows=())
    counts = np.array(result["confusion"], np.int64).reshape(len(result["classes"]), -1)
    shown = confused_classes(counts)
    label = "Confusion matrix: rows are the truth, columns the prediction"
    page = render(
        "evaluation.html.j2",
        title=title,
        result=result,
        protocol=protocol_words(result["protocol"]),
        classes=class_rows(result, palette),
        confused=[(pair, result["classes"]) for pair in most_confused(counts)],
        matrix=matrix(counts, result["classes"], shown=shown, label=label),
        shown_classes=len(shown),
        charts=_charts(curve),
        gallery=gallery,
        config=None if config is None else as_yaml(config),
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
    write_page(path, page)


def _gallery_data(gallery: PageGallery) -> dict[str, Any]:
    return {
        "rows": [[row.name, row.miou, row.right, row.pixels, row.labelled, row.only_predicted] for row in gallery.rows],
        "examples": [
            {
                "row": example.row,
                "group": example.group,
                "width": example.layers.width,
                "height": example.layers.height,
            }
            | {
                layer: data_uri(getattr(example.layers, layer))
                for layer in ("picture", "truth", "prediction", "errors")
            }
            for example in gallery.examples
        ],
        # By themselves, since they are most of the page: the script reads them when the first is to be seen.
        "thumbnails": [row.thumbnail and data_uri(row.thumbnail) for row in gallery.rows],
    }


def _charts(lines_of_metrics: Iterable[Mapping[str, Any]]) -> list[tuple[str, Markup]]:
    """The curves of a training, each with its heading."""
    found = curves(lines_of_metrics)
    formats = {"val_miou": axes.percent}
    return [
        (
            heading,
            lines({name: found[name]}, label=heading, y_format=formats.get(name, axes.short), zero=name == "lr"),
        )
        for name, heading in _CURVES.items()
        if name in found
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("segkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.globals["bar"] = bar
    environment.filters["percent"] = _percent
    environment.filters["duration"] = _duration
    environment.filters["thousands"] = "{:,}".format
    environment.filters |= {"billions": sheet.billions, "millions": sheet.millions, "points": sheet.points}
    environment.filters |= {"network_title": sheet.network_title, "setting": sheet.setting}
    environment.filters |= {"time": sheet.time, "short": axes.short}
    return environment


def _percent(share: float | None, digits: int = 2) -> str:
    return "n/a" if share is None else f"{100 * share:.{digits}f}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return {"True": "yes", "False": "no", "None": "none"}.get(str(value), str(value))
