"""How figures are written in every table, page and line: one function for each kind.

A figure that there is not (None, or NaN) is "n/a", and its interval nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Format = Callable[[float], str]


def percent(share: float | None, digits: int = 2) -> str:
    """A share in 0..1 in percent, such as "74.20"."""
    return "n/a" if share is None or math.isnan(share) else f"{100 * share:.{digits}f}"


def points(change: float | None) -> str:
    """A difference of two shares in points, such as "+0.40"."""
    return "n/a" if change is None or math.isnan(change) else f"{100 * change:+.2f}"


def interval(ends: Sequence[float] | None, form: Format = percent) -> str:
    """The two ends of an interval, such as "[72.24, 75.97]"."""
    return "" if ends is None or math.isnan(ends[0]) else f"[{form(ends[0])}, {form(ends[1])}]"


def share(value: float | None, ends: Sequence[float] | None) -> str:
    """A share in percent with its interval, such as "74.20 [72.24, 75.97]"."""
    return f"{percent(value)} {interval(ends)}".rstrip()


def difference(found: Mapping[str, Any]) -> str:
    """A difference of two shares, as `Difference.to_json` has it, such as "+0.40 [-0.10, +0.90]"."""
    return f"{points(found['change'])} {interval(found['interval'], points)}".rstrip()


def rare(classes: Mapping[str, int]) -> str:
    """What to say of intervals where `classes` are in so few pictures; nothing where there are none."""
    if not classes:
        return ""
    named = ", ".join(f"{name} ({count})" for name, count in classes.items())
    return f"Too few pictures to tell how sure the IoU is of {named}; the mIoU's interval is about as unsure."


def spread(found: Mapping[str, Any], form: Format = percent) -> str:
    """A figure over several seeds, as `Spread.to_json` has it: mean ± standard deviation, such as "63.66 ± 0.32"."""
    return f"{form(found['mean'])} ± {percent(found['deviation'])}"


def short(value: float) -> str:
    """A number in few letters: 0.007, 12.5, 1,250, 30k, 2.1M."""
    for least, unit, letter in ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / unit:.4g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def short_percent(share: float) -> str:
    """A share in few letters: 0.725 is "72.5%"."""
    return f"{100 * share:.4g}%"


def billions(madds: float) -> str:
    """Multiply-adds, such as "5.8286B"."""
    return f"{madds / 1e9:#.5g}B"


def millions(parameters: float) -> str:
    """Parameters, such as "4.524M"."""
    return f"{parameters / 1e6:.3f}M"


def megabytes(count: float) -> str:
    """Bytes in millions, such as "8.5" or "412"."""
    return f"{count / 1e6:.1f}" if count < 1e8 else f"{count / 1e6:.0f}"


def ratio(value: float) -> str:
    """How many times another one's, such as "x0.68"."""
    return f"x{value:.2f}"


def latency(seconds: float) -> str:
    """The time of one picture, such as "87 ms" or "12.5 s"."""
    if seconds >= 10:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.2g} ms"


def duration(seconds: float) -> str:
    """How long something took, such as "9.5 s", "1 min 15 s" or "2 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plain(value: Any) -> str:
    """A value of a protocol: "yes", "0.5, 1", "none"."""
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return {"True": "yes", "False": "no", "None": "none"}.get(str(value), str(value))


def words(values: Mapping[str, Any]) -> dict[str, str]:
    """A protocol, or any plain values by name, as it is read."""
    return {key.replace("_", " "): plain(value) for key, value in values.items()}
