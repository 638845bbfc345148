"""Signals while a training runs: it ends when the step at hand is done, or saves and goes on."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_SAVING = [getattr(signal, name) for name in ("SIGUSR1",) if hasattr(signal, name)]  # Windows has not got it


class Asked:
    """What was asked for since it was looked at last: `end` by the number of a signal, and to `save`."""

    def __init__(self) -> None:
        self.end: int | None = None
        self.save = False

    def _note(self, number: int, _: FrameType | None) -> None:
        if number in _SAVING:
            self.save = True
        elif self.end is None:
            self.end = number
        else:  # a second time: at once
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


@contextmanager
def signals() -> Iterator[Asked]:
    """SIGINT, SIGTERM and SIGHUP ask to end, and end at once the second time; SIGUSR1 asks to save.

    What is ignored stays so, as under nohup. Only the main thread may set it: in another nothing is ever asked.
    """
    asked = Asked()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (*_ENDING, *_SAVING):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, asked._note)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
