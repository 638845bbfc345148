"""Text of tables and lines, made once for the terminal and for Markdown."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple


class Sheet(NamedTuple):
    """A table as text; the columns from `left` on are set to the right, as numbers are."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1

    def markdown(self) -> str:
        """The table as Markdown, a line for each row."""
        rule = ["---"] * self.left + ["---:"] * (len(self.header) - self.left)
        lines = [self.header, rule, *([_cell(text) for text in row] for row in self.rows)]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def only(self, *columns: int) -> "Sheet":
        """The table with some of its columns."""
        header, *rows = (tuple(line[column] for column in columns) for line in (self.header, *self.rows))
        return Sheet(header, tuple(rows), sum(column < self.left for column in columns))


Part = Sheet | str
"""What a text is made of: tables, and paragraphs or lists of one or more lines."""


def markdown(parts: Iterable[Part]) -> str:
    """A text as Markdown."""
    return "\n".join(part + "\n" if isinstance(part, str) else part.markdown() for part in parts)


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def numbered(lines: Iterable[str]) -> str:
    """A list numbered from 1."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


SWITCHES = ("network", "OS", "ASPP", "MF")


def switches(row: dict[str, Any]) -> tuple[str, ...]:
    """Network, output stride, ASPP and MF of a row, the columns SWITCHES."""
    return row["title"], str(row["output_stride"]), *("yes" if row[switch] else "no" for switch in ("aspp", "mf"))


def setting(row: dict[str, Any]) -> str:
    """Such as "OS 8 MF"; "label maps" where no network was run."""
    if row["output_stride"] is None:
        return "label maps" if row["label_maps"] else "OS untold"
    return f"OS {row['output_stride']}{' MF' if row['mf'] else ''}"


def network_title(row: dict[str, Any]) -> str:
    """Such as "MobileNetV2 ASPP"."""
    return f"{row['title']}{' ASPP' if row['aspp'] else ''}"


def full_name(row: dict[str, Any]) -> str:
    """Such as "MobileNetV2 ASPP, OS 8 MF"."""
    return f"{network_title(row)}, {setting(row)}"


def training_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What the weights of each row that was measured were trained on and for how long, and what measured it."""
    for row in rows:
        if not row["measured"]:
            continue
        protocol, machine = row["measured"]["protocol"], row["measured"]["machine"]
        name = full_name(row) if "aspp" in row else f"{row['title']}, {setting(row)}"
        by = f"; {protocol.get('precision', 'label maps')}" + (
            f" at {machine['commit']}" if "commit" in machine else ""
        )
        yield f"{name}: {training(protocol)}{by}"


def training(protocol: Mapping[str, Any]) -> str:
    """How the weights behind an evaluation were trained, as far as its protocol tells it."""
    data = ", ".join(protocol.get("trained_on") or ["data that are not told"])
    length = f", {told}" if (told := iterations_told(protocol)) else ""
    teacher = f", taught by {protocol['taught_by']}" if protocol.get("taught_by") else ""
    return f"trained on {data}{length}{teacher}"


def iterations_told(protocol: Mapping[str, Any]) -> str:
    """Such as "300 iterations, kept at 100"; nothing where it is not told."""
    iterations, kept = protocol.get("trained_iterations"), protocol.get("kept_at_iteration")
    if iterations is None:
        return ""
    return f"{iterations:,} iterations" + (f", kept at {kept:,}" if kept not in (None, iterations) else "")


def claim_line(claim: Mapping[str, Any]) -> str:
    """A claim, its verdict, and the numbers that say so."""
    return f"{claim['text']} {claim['verdict'].capitalize()}: {claim['numbers']}."


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
    used = sorted({figures["protocol"].get("precision", "float32") for figures in measured} - {"float32"})
    return f" mIoU of predictions in {' or '.join(used)}, latency in float32." if used else ""
