"""What pyproject.toml cannot say: the sources of the C++ runner go into the wheel, where `edgekit build-runner` finds them."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SOURCES = Path("cpp_runner")
WANTED = ("CMakeLists.txt", "CMakePresets.json", "cmake/**/*", "cli/*", "include/**/*", "src/**/*")


class BuildPy(build_py):
    """Copies the sources to edgekit/runner_sources; an editable installation uses those of the checkout."""

    def _copies(self) -> dict[Path, Path]:
        files = [path for pattern in WANTED for path in sorted(SOURCES.glob(pattern)) if path.is_file()]
        target = Path(self.build_lib, "edgekit", "runner_sources")
        return {} if self.editable_mode else {path: target / path.relative_to(SOURCES) for path in files}

    def run(self) -> None:
        super().run()
        for source, target in self._copies().items():
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target), preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *map(str, self._copies().values())]


setup(cmdclass={"build_py": BuildPy})
