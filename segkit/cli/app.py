"""The command's root and the group `segkit data`; the subcommands add themselves in their own files."""

import typer

from segkit.base import torchrun
from segkit.base.errors import ConfigError
from segkit.cli.say import say
from segkit.version import VERSION

app = typer.Typer(
    name="segkit",
    help="DeepLabv3 with MobileNetV1, MobileNetV2 and ResNet-101: train, evaluate, predict, describe.",
    epilog="Example: segkit train shapes_quickstart. Every command takes --debug to show a traceback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_FOR_MANY = ("train", "evaluate", "ablate")
"""The commands whose work several processes share."""

data_app = typer.Typer(
    help="Get, import, export, split, check, show and shrink data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(data_app, name="data")


def _print_version(value: bool) -> None:
    if value:
        say(f"segkit {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True),
) -> None:
    """DeepLabv3 with MobileNetV1, MobileNetV2 and ResNet-101: train, evaluate, predict, describe."""
    command = context.invoked_subcommand
    if torchrun.size() > 1 and command not in _FOR_MANY:
        raise ConfigError(
            f"segkit {command} works in one process: start it without torchrun, which is for {', '.join(_FOR_MANY)}"
        )
