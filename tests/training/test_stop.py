"""What signals ask for."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from segkit.training.stop import signals


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)


@pytest.fixture(autouse=True)
def _heard():
    """A shell has SIGINT ignored in what it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_signals_ask_and_do_nothing_else() -> None:
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1
    before = [signal.getsignal(number) for number in numbers]
    with signals() as asked:
        assert (asked.end, asked.save) == (None, False)
        send(signal.SIGUSR1)
        assert (asked.end, asked.save) == (None, True)
        send(signal.SIGTERM)
        assert asked.end == signal.SIGTERM
    assert before == [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    ]


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals() as asked:
            send(signal.SIGHUP)
            assert asked.end is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_nothing_is_asked() -> None:
    found = []

    def run() -> None:
        with signals() as asked:
            found.append(asked.end)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [None]


def test_the_second_ends_at_once() -> None:
    program = (
        "import os, signal, time\nfrom segkit.training.stop import signals\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell has it ignored in the background
        "with signals() as asked:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(0.01)\n    assert asked.end == 2\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=50).returncode == -signal.SIGTERM
