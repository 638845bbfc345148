"""What a figure was measured with: the machine, the versions, and the commit of a checkout."""

import subprocess
import sys

import pytest
import torch

from segkit.base import machine
from segkit.base.machine import describe_run
from segkit.version import VERSION


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of one commit, in which machine.py would stand in segkit/base."""
    for key in ("GIT_DIR", "GIT_WORK_TREE"):  # as set where the suite is run from a hook
        monkeypatch.delenv(key, raising=False)
    (tmp_path / "setup.cfg").write_text("one")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "setup.cfg")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--no-verify", "--message=one")
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "segkit/base/machine.py"))
    return tmp_path


def git(root, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_of_a_checkout_and_whether_it_was_changed(checkout):
    head = git(checkout, "rev-parse", "--short=10", "HEAD")
    assert machine.describe_machine()["commit"] == head
    (checkout / "setup.cfg").write_text("two")
    assert machine.describe_machine()["commit"] == f"{head}-dirty"


def test_no_commit_of_a_package_installed_inside_another_checkout(checkout, monkeypatch):
    monkeypatch.setattr(machine, "__file__", str(checkout / ".venv/site-packages/segkit/base/machine.py"))
    assert "commit" not in machine.describe_machine()


def test_no_commit_where_git_is_not_at_hand_or_fails(checkout, monkeypatch):
    (checkout / ".git/HEAD").write_text("broken")
    assert "commit" not in machine.describe_machine()
    monkeypatch.setenv("PATH", str(checkout))
    assert "commit" not in machine.describe_machine()


def test_versions_and_threads():
    told = machine.describe_machine()
    assert (told["torch"], told["segkit"]) == (torch.__version__, VERSION)
    assert told["threads"] == torch.get_num_threads() and told["processor"] and told["cores"] >= 1


def test_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    machine.use_available_cores()
    monkeypatch.delenv("OMP_NUM_THREADS")
    machine.use_available_cores()
    assert asked == [2]


@pytest.mark.parametrize("program", ["/somewhere/bin/segkit", "/somewhere/segkit/__main__.py", "segkit"])
def test_the_command_is_told_however_it_was_called(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "argv", [program, "evaluate", "my model.safetensors"])
    assert describe_run()["command"] == "segkit evaluate 'my model.safetensors'"
