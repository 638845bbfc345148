"""Print evaluations side by side as a Markdown table: IoU of each class, then the means.

    python tools/class_table.py "OS 16=a.json" "OS 8=b.json"

The files are those of `segkit evaluate --json`.
"""

import json
import sys
from pathlib import Path

from segkit.report.numbers import percent
from segkit.report.sheet import Sheet

_MEANS = (("miou", "mIoU"), ("pixel_accuracy", "pixel accuracy"), ("mean_accuracy", "mean accuracy"))


def main() -> None:
    """Read the files and print."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = {}
    for argument in sys.argv[1:]:
        title, _, path = argument.rpartition("=")
        results[title or path] = json.loads(Path(path).read_text(encoding="utf-8"))
    shown = results.values()
    rows = [(name, *(percent(each["iou"][name]) for each in shown)) for name in next(iter(shown))["classes"]]
    rows += [(f"**{title}**", *(percent(each[key]) for each in shown)) for key, title in _MEANS]
    print(Sheet(("class", *results), tuple(rows)).markdown(), end="")


if __name__ == "__main__":
    main()
