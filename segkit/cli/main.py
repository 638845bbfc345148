"""The entry point of the `segkit` command."""

import errno
import io
import os
import signal
import sys

from segkit.base import torchrun
from segkit.base.errors import ConfigError, SegkitError, StoppedError
from segkit.cli import (  # noqa: F401  each adds its command
    ablate,
    benchmark,
    compare,
    describe,
    evaluate,
    export,
    predict,
    recipes,
    submit,
    train,
    weights,
)
from segkit.cli.app import app
from segkit.cli.data import check, exporting, get, importing, show, shrink, split  # noqa: F401
from segkit.cli.say import complain


def main() -> None:
    """Run the command; one sentence for an error, no traceback.

    Exit status 0 done, 1 failed, 2 called wrongly, 128 + n ended by signal n.

    `--debug` anywhere on the line shows the traceback.
    """
    # Before torch is loaded. Threads that wait by spinning take the core that another process, or their own next turn,
    # needs: beside two busy processes a pass took twice to two and a half times as long (docs/reliability.md).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal has not got is written as its number
            stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        if torchrun.rank() > 0:  # the first process speaks for all, but for errors
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  to the end
        app()
    except SegkitError as error:
        if debug:
            raise
        # Each of several, though it be the same: when one has ended torchrun may end the others before they say it.
        several = os.environ.get("WORLD_SIZE", "1") not in ("", "1") and "RANK" in os.environ
        complain(f"process {os.environ['RANK']}: {error}" if several else str(error))
        if isinstance(error, StoppedError):
            sys.exit(128 + error.signal)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if debug or error.errno != errno.ENAMETOOLONG:
            raise
        complain(f"{error.filename}: is longer than a name may be: correct it, or give a shorter one")
        sys.exit(1)
