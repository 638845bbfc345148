"""The group `segkit data`; its subcommands add themselves in their own files."""

import typer

from segkit.cli.app import app

data_app = typer.Typer(
    help="Get, import, split, check, show and shrink data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(data_app, name="data")
