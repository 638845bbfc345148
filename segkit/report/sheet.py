"""Tables as text: the same columns for the terminal and for Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Sheet(NamedTuple):
    """A table as text; the columns at the positions `numbers` are set to the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]

    def markdown(self) -> str:
        """The table as Markdown, a line for each row."""
        rule = ["---:" if column in self.numbers else "---" for column in range(len(self.header))]
        lines = [self.header, rule, *([_cell(text) for text in row] for row in self.rows)]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def switches(row: dict[str, Any]) -> tuple[str, ...]:
    """Network, output stride, ASPP and MF of a row."""
    return row["title"], str(row["output_stride"]), *("yes" if row[switch] else "no" for switch in ("aspp", "mf"))


def setting(row: dict[str, Any]) -> str:
    """Such as "OS 8 MF"."""
    return f"OS {row['output_stride']}{' MF' if row['mf'] else ''}"


def network_title(row: dict[str, Any]) -> str:
    """Such as "MobileNetV2 ASPP"."""
    return f"{row['title']}{' ASPP' if row['aspp'] else ''}"


def full_name(row: dict[str, Any]) -> str:
    """Such as "MobileNetV2 ASPP, OS 8 MF"."""
    return f"{network_title(row)}, {setting(row)}"


def percent(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A share in percent, with its interval in brackets; "n/a" where there is none."""
    if value is None:
        return "n/a"
    sure = "" if interval is None else f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    return f"{100 * value:.2f}{sure}"


def points(difference: dict[str, Any]) -> str:
    """A difference of two shares in points, with its interval."""
    if difference["change"] is None or difference["interval"] is None:
        return "n/a"
    low, high = difference["interval"]
    return f"{100 * difference['change']:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"


def billions(madds: float) -> str:
    """Multiply-adds, such as "5.8286B"."""
    return f"{madds / 1e9:#.5g}B"


def millions(parameters: float) -> str:
    """Parameters, such as "4.524M"."""
    return f"{parameters / 1e6:.3f}M"


def latency(measured: dict[str, Any] | None) -> str:
    """A median time."""
    if measured is None:
        return "not measured"
    return time(measured["seconds"])


def time(seconds: float) -> str:
    """Such as "87 ms"."""
    return f"{1000 * seconds:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def machine_line(found: dict[str, Any]) -> str:
    """What the latencies were measured on."""
    machine = found["machine"]
    height, width = found["size"]
    threads = f"{machine['threads']} threads of {machine['cores']} cores, {machine['instructions']}"
    device = machine.get("gpu") or f"{machine['processor']}, {threads}"
    version = f"segkit {machine['segkit']}" + (f" ({machine['commit']})" if "commit" in machine else "")
    return f"One picture of {width}x{height}. {device}, torch {machine['torch']}, {version}."


def precision_line(measured: Iterable[dict[str, Any]]) -> str:
    """A sentence for the end of a paragraph, a space before it, where mIoUs were not all measured in float32."""
    used = sorted({figures["protocol"]["precision"] for figures in measured} - {"float32"})
    return f" mIoU of predictions in {' or '.join(used)}, latency in float32." if used else ""
