"""The errors that segkit raises for what comes from outside.

Each message is one sentence that names the file or the value and says what to do about it. The command line prints
the message alone; anything else that escapes is a bug in segkit.
"""


def printable(text: str) -> str:
    """A text of one line for a terminal or a log: what would move the cursor, change colours or break it is escaped.

    So are lone surrogates, as names of files have them whose bytes are no text.
    """
    if text.isprintable():  # of nearly all, which may be long
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class SegkitError(Exception):
    """Something from outside segkit is wrong: the message, one line, says what and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class ConfigError(SegkitError):
    """A recipe or an argument is wrong."""


class DataError(SegkitError):
    """A picture, a label or a data set is wrong."""


class WeightsError(SegkitError):
    """A weights file is wrong, or does not fit the network."""


class DeviceError(SegkitError):
    """The device asked for is not there."""


class OutputError(SegkitError):
    """A result cannot be written where it was asked for."""


class DownloadError(SegkitError):
    """A file cannot be had from the network, or what came is not the file."""


class StoppedError(SegkitError):
    """What ran was asked to end by a signal, whose number is `signal`."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


def needs_extra(what: str, package: str, extra: str) -> str:
    """The sentence for a package that is not installed: what needs it, and the extra of segkit's that brings it."""
    return (
        f"{what} needs the package {package}: pip install 'segkit-deeplabv3[{extra}]', or in a checkout "
        f"pip install -e '.[{extra}]'"
    )


def told_by(error: Exception) -> str:
    """What an error of another library says, in one line: the first that is not on where in the library it arose."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("Exception from ")), type(error).__name__)
