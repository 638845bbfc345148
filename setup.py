"""What setup.cfg cannot say: the recipes in configs/ go into the package as segkit/configs."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecipes(build_py):
    """Copies the recipes beside the modules; an editable install reads them where they are."""

    def run(self) -> None:
        """Build."""
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "segkit", "configs")
            self.mkpath(str(folder))
            for recipe in self._recipes():
                self.copy_file(recipe, str(folder))

    def get_source_files(self) -> list[str]:
        """What a source distribution needs."""
        return [*super().get_source_files(), *self._recipes()]

    def _recipes(self) -> list[str]:
        return sorted(map(str, Path("configs").glob("*.yaml")))


setup(cmdclass={"build_py": BuildWithRecipes})
