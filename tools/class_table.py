"""Print evaluations side by side as a Markdown table: IoU of each class, then the means.

    python tools/class_table.py "OS 16=a.json" "OS 8=b.json"

The files are those of `segkit evaluate --json`.
"""

import json
import sys
from pathlib import Path


def percent(value: float | None) -> str:
    """A share as a percentage; "n/a" where there is none."""
    return "n/a" if value is None else f"{100 * value:.2f}"


def main() -> None:
    """Read the files and print."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = {}
    for argument in sys.argv[1:]:
        title, _, path = argument.rpartition("=")
        results[title or path] = json.loads(Path(path).read_text(encoding="utf-8"))
    print("| class | " + " | ".join(results) + " |\n|---|" + "---:|" * len(results))
    for name in next(iter(results.values()))["classes"]:
        print(f"| {name} | " + " | ".join(percent(result["iou"][name]) for result in results.values()) + " |")
    for key, title in (("miou", "mIoU"), ("pixel_accuracy", "pixel accuracy"), ("mean_accuracy", "mean accuracy")):
        print(f"| **{title}** | " + " | ".join(percent(result[key]) for result in results.values()) + " |")


if __name__ == "__main__":
    main()
