"""Pages: one HTML file that holds all it needs and asks nothing of a network."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from segkit.base.errors import printable
from segkit.base.files import write_atomically
from segkit.base.labels import palette_table
from segkit.report import numbers, sheet
from segkit.report.bars import bar, stacked_bar
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
_FILTERS: tuple[Callable[..., object], ...] = (
    numbers.percent,
    numbers.points,
    numbers.spread,
    numbers.interval,
    numbers.difference,
    numbers.rare,
    numbers.short,
    numbers.billions,
    numbers.millions,
    numbers.latency,
    numbers.megabytes,
    numbers.ratio,
    numbers.duration,
    numbers.words,
    sheet.setting,
    sheet.network_title,
    sheet.full_name,
    sheet.iterations_told,
    sheet.machine_line,
)


def write_page(path: Path | str, template: str, **values: Any) -> None:
    """Write a page from a template that extends `base.html.j2`, with the style and the script of all pages in it.

    `values` are escaped wherever they stand; `title` and `data` (plain data by the id that the script reads it by) have
    to be among them. Raises jinja2.UndefinedError where the template uses a value that is not given, OutputError where
    the file cannot be written.
    """
    style, script = (
        Markup("\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names))
        for names in (_STYLES, _SCRIPTS)
    )
    # The page allows this one script and no address: what is in a name could not run or call home even if it got out.
    allowed = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template(template)
    values["data"] = _shown(values["data"])
    text = page.render(style=style, script=script, allowed_script=allowed, version=VERSION, **values)
    # A name need not be proper text, and must not turn what stands beside it around.
    write_atomically(Path(path), "\n".join(map(printable, text.split("\n"))))


def _shown(value: Any) -> Any:
    """Plain data with names that are the same as in the page's text."""
    if isinstance(value, Mapping):
        return {key: _shown(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(held) for held in value]
    return printable(value) if isinstance(value, str) else value


def colours(palette: Sequence[Sequence[int]]) -> list[str]:
    """The colour of each label value that a palette table has, as in CSS: "#rrggbb"."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette_table(palette).tolist()]


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
    environment.globals |= {"bar": bar, "stacked_bar": stacked_bar}
    environment.filters |= {form.__name__: form for form in _FILTERS}
    environment.filters |= {"thousands": "{:,}".format, "yaml": _yaml}
    return environment


def _yaml(config: Mapping[str, Any]) -> str:
    """A recipe as its file has it."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
