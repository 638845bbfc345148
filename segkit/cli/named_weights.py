"""`--weights NAME=FILE`: trained models for the rows of a table."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base.errors import ConfigError, WeightsError
from segkit.cli.weights import obtain

if TYPE_CHECKING:
    from segkit.benchmark.published import Network

NamedWeights = Annotated[
    list[str] | None,
    typer.Option("--weights", metavar="NAME=FILE", help="A trained model, such as mobilenet_v2_aspp=FILE; repeatable."),
]


def table_weights(named: list[str]) -> tuple[dict["Network", Path], dict[str, Path]]:
    """The files of the table's networks, and those of others, peer:NAME=FILE, by NAME; as `parse_weights`."""
    from segkit.benchmark.kept import PEER
    from segkit.benchmark.published import NETWORKS

    weights = parse_weights([text for text in named if not text.startswith(PEER)], NETWORKS)
    peers = _obtained(
        [text for text in named if text.startswith(PEER)],
        re.compile(rf"{PEER}[\w.+-]+").fullmatch,
        f"give {PEER}NAME=FILE, with letters, digits, - . _ and + in the name",
    )
    return weights, {name.removeprefix(PEER): path for name, path in peers.items()}


def parse_weights(named: list[str], networks: Mapping[str, "Network"]) -> dict["Network", Path]:
    """The files of `--weights NAME=FILE`, fetched where FILE is a name of `segkit weights`.

    Raises ConfigError for another form or name, and for a file that is not there.
    """
    names = ", ".join(sorted(networks))
    files = _obtained(named, networks.__contains__, f"give NAME=FILE, with a name among {names}")
    return {networks[name]: path for name, path in files.items()}


def _obtained(named: list[str], is_name: Callable[[str], object], form: str) -> dict[str, Path]:
    """The files of `--weights NAME=FILE` by name, fetched where they have to be; `form` is what to give instead."""
    files = {}
    for text in named:
        name, equals, path = text.partition("=")
        if not equals or not is_name(name):
            raise ConfigError(f"--weights {text}: {form}")
        try:
            files[name] = obtain(path)
        except WeightsError as error:
            raise ConfigError(f"--weights {name}={error}") from None
    return files
