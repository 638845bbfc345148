"""`segkit recipes`."""

from typing import Annotated

import typer

from segkit.cli.app import app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, write_json
from segkit.cli.say import say


@app.command(epilog="Examples: segkit recipes; segkit recipes own_data > my_data.yaml")
def recipes(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print this one, to copy and change.")] = None,
    json_file: JsonFile = None,
) -> None:
    """List the recipes that come with segkit and what each is for; with a name, print that one.

    A name goes wherever the file of a recipe goes: segkit train NAME.
    """
    from segkit.recipe.shipped import find_recipe, first_sentence, recipes_folder, shipped_recipes

    make_ready(json_file, holds=("name", "what"))
    shipped = shipped_recipes()
    listed = [{"name": key, "what": first_sentence(path), "path": str(path)} for key, path in shipped.items()]
    write_json(json_file, listed)
    if name is not None:
        say(*find_recipe(name).read_text(encoding="utf-8").splitlines())
        return
    width = max(map(len, shipped))
    for each in listed:
        say(f"{each['name']:{width}}  {each['what']}")
    say(f"files: {recipes_folder()}; the comment at the head of each tells its cost and what to expect")
