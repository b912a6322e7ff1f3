"""The artefacts for other projects: `make android-install` installs them, and a project uses them by their coordinates."""

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.version import __version__

ROOT = Path(__file__).parents[2]
CONSUMER = Path(__file__).parent / "consumer"
LOCAL_REPOSITORY = Path.home() / ".m2" / "repository"
RULES = "META-INF/proguard/edgekit-runtime-lite.pro"
built = (ROOT / "android_demo/runtime-lite/target").is_dir() and shutil.which("mvn") is not None
pytestmark = pytest.mark.skipif(not built, reason="make android-runtime has not run here")


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A local repository with Maven's plugins, so that nothing is downloaded. Only the edgekit artefacts are new in it."""
    target = tmp_path_factory.mktemp("maven") / "repository"
    ours = LOCAL_REPOSITORY / "dev"
    if LOCAL_REPOSITORY.is_dir():
        shutil.copytree(
            LOCAL_REPOSITORY,
            target,
            copy_function=link_or_copy,
            ignore=lambda folder, names: ["edgekit"] if Path(folder) == ours and "edgekit" in names else [],
        )
    run("make", "-s", "android-install", f"MVN_REPO={target}", cwd=ROOT)
    yield target
    shutil.rmtree(target)


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(repository: Path) -> set[str]:
    return {path.name for path in (repository / "dev/edgekit").rglob("*") if path.suffix in (".jar", ".pom")}


def test_install_puts_these_artefacts_and_no_others(repository: Path) -> None:
    expected = {f"android-demo-{__version__}.pom"}
    for name in ("core", "runtime-lite"):
        expected |= {f"{name}-{__version__}{end}" for end in (".pom", ".jar", "-sources.jar")}
    assert installed(repository) == expected


def test_install_has_sources_and_keep_rules_inside(repository: Path) -> None:
    folder = repository / "dev/edgekit"
    with zipfile.ZipFile(folder / f"core/{__version__}/core-{__version__}-sources.jar") as archive:
        assert "dev/edgekit/core/format/Manifest.kt" in archive.namelist()
    with zipfile.ZipFile(folder / f"runtime-lite/{__version__}/runtime-lite-{__version__}.jar") as archive:
        assert b"-keep class org.pytorch.**" in archive.read(RULES)


def test_consumer_by_coordinates_alone_builds_and_reads_a_package(repository: Path, tiny: Path, tmp_path: Path) -> None:
    project = tmp_path / "consumer"
    shutil.copytree(CONSUMER, project, ignore=shutil.ignore_patterns("target"))
    kotlin = re.search(r"<kotlin\.version>(.*)</kotlin\.version>", (ROOT / "android_demo/pom.xml").read_text())
    assert kotlin is not None
    versions = (f"-Dedgekit.version={__version__}", f"-Dkotlin.version={kotlin[1]}")
    run("mvn", "-B", "-ntp", "-q", f"-Dmaven.repo.local={repository}", *versions, "process-classes", cwd=project)
    libraries = {path.name for path in (project / "target/lib").iterdir()}
    assert any(name.startswith("pytorch_android_lite") and name.endswith(".aar") for name in libraries)
    assert not any("host-runtime" in name or "aars" in name for name in libraries)
    output = run("java", "-cp", "target/classes:target/lib/*", "MainKt", tiny, cwd=project)
    assert re.fullmatch(r"tiny: forward, predict; 5 labels, [1-9]\d* cases", output.strip())
