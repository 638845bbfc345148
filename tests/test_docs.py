"""Commands that people paste: they run in zsh too, and bring nobody else's package."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
RECIPES = sorted(ROOT.glob("configs/*.yaml"))
COMMANDS = sorted(ROOT.glob("segkit/cli/**/*.py"))
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
# A pattern or a comment, unless quoted; [key=value ...] after a space tells that an argument may be left out.
SPECIAL = re.compile(r"\S\[|\s#|[*?]|\{\S*,\S*\}")


def commands_of(path: Path) -> list[str]:
    """The command lines that a page, a recipe's head comment or a command's epilog shows, continuations joined."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        lines = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")]
    elif path.suffix == ".py":
        epilogs = re.findall(r'epilog=((?:\s*"(?:[^"\\]|\\.)*")+)', text)
        lines = [line for found in epilogs for line in re.sub(r'"\s*"', "", found).strip(' \n"').split("; ")]
        lines = [line.partition(": ")[2] if line.startswith("Example") else line for line in lines]
    else:
        fences = re.findall(r"^```(?:sh|bash)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
        lines = "".join(fences).replace("\\\n", " ").splitlines()
    return [line for line in lines if re.match(r"(segkit|python|pip|make|git) ", line)]


@pytest.mark.parametrize("path", [*PAGES, *RECIPES, *COMMANDS], ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_shell_would_expand_is_quoted(path):
    wrong = [line for line in commands_of(path) if SPECIAL.search(QUOTED.sub("", line))]
    assert not wrong


def test_the_commands_are_found():
    for path in ("README.md", "configs/own_data.yaml", "segkit/cli/train.py"):
        assert any(line.startswith("segkit train ") for line in commands_of(ROOT / path)), path


def test_nobody_is_sent_to_the_package_of_another():
    files = [*PAGES, *RECIPES, *ROOT.glob("segkit/**/*.py"), *ROOT.glob("tools/**/*.py"), ROOT / "Makefile"]
    stranger = re.compile(r"pip install\s+(?:-\S+\s+)*['\"]?segkit(?!-deeplabv3)\b")
    assert [str(path) for path in files if stranger.search(path.read_text(encoding="utf-8"))] == []
