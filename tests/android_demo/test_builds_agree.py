"""The Gradle build and the Maven build of android_demo have the same versions, sources and settings."""

import re
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from edgekit.version import __version__

DEMO = Path(__file__).parents[2] / "android_demo"
POM = "{http://maven.apache.org/POM/4.0.0}"
SHARED = {
    "kotlin": "kotlin.version",
    "coroutines": "coroutines.version",
    "pytorch": "pytorch.version",
    "fbjni": "fbjni.version",
    "nativeloader": "nativeloader.version",
    "bouncycastle": "bouncycastle.version",
    "junit": "junit.version",
    "robolectric": "robolectric.version",
    "androidx-test-monitor": "androidx-test-monitor.version",
}
SHARED_MODULES = ("core", "runtime-lite", "host-runtime", "app")
IN_APP = ("minSdk", "targetSdk", "versionCode")
ONLY_MAVEN = {"host-cli", "aars"}  # a tool of edgekit, and a task that Gradle does by itself


def catalog() -> dict[str, str]:
    versions: dict[str, str] = tomllib.loads((DEMO / "gradle/libs.versions.toml").read_text())["versions"]
    return versions


def properties(pom: Path) -> dict[str, str]:
    found = ElementTree.parse(pom).getroot().find(f"{POM}properties")
    return {} if found is None else {element.tag.removeprefix(POM): element.text or "" for element in found}


def differences(versions: dict[str, str], root: dict[str, str], app: dict[str, str], version: str) -> list[str]:
    pairs = [(key, versions.get(key), root.get(name)) for key, name in SHARED.items()]
    pairs += [(key, versions.get(key), app.get(key)) for key in IN_APP]
    pairs.append(("versionName", versions.get("versionName"), version))
    return [f"{key}: Gradle {ours}, Maven {theirs}" for key, ours, theirs in pairs if ours is None or ours != theirs]


def project_version() -> str:
    found = ElementTree.parse(DEMO / "pom.xml").getroot().find(f"{POM}version")
    assert found is not None
    return found.text or ""


def test_version_of_every_module_is_that_of_the_python_package() -> None:
    assert project_version() == __version__
    for pom in DEMO.glob("*/pom.xml"):
        assert ElementTree.parse(pom).getroot().findtext(f"{POM}parent/{POM}version") == __version__, pom


def test_versions_of_both_builds_are_the_same() -> None:
    root, app = properties(DEMO / "pom.xml"), properties(DEMO / "app/pom.xml")
    assert differences(catalog(), root, app, project_version()) == []


@pytest.mark.parametrize("key", [*SHARED, *IN_APP, "versionName"])
def test_differences_of_a_drifted_version_names_it(key: str) -> None:
    root, app = properties(DEMO / "pom.xml"), properties(DEMO / "app/pom.xml")
    found = differences(catalog() | {key: "0.0.0"}, root, app, project_version())
    assert len(found) == 1
    assert found[0].startswith(f"{key}: Gradle 0.0.0")


def gradle_dependencies(text: str) -> set[str]:
    """The dependencies of a module: "main" or "test", and a Maven coordinate or the name of another module."""
    libraries = tomllib.loads((DEMO / "gradle/libs.versions.toml").read_text())["libraries"]
    modules = {key.replace("-", "."): library["module"] for key, library in libraries.items()}
    found = re.findall(r'(api|implementation|testImplementation)\((?:project\(":([\w-]+)"\)|libs\.([\w.]+))\)', text)
    return {
        f"{'test' if kind.startswith('test') else 'main'} {module or modules[name]}" for kind, module, name in found
    }


def maven_dependencies(module: str) -> set[str]:
    found = pom_dependencies(DEMO / module / "pom.xml")
    if (DEMO / module / "src/test").exists():
        found |= {dependency for dependency in pom_dependencies(DEMO / "pom.xml") if dependency.startswith("test ")}
    if "aars/target/monitor" in (DEMO / module / "pom.xml").read_text():
        found.add("test androidx.test:monitor")
    return found


def pom_dependencies(pom: Path) -> set[str]:
    """Without Android itself, and without the module aars, which is Maven's stand-in for the AAR."""
    found = ElementTree.parse(pom).getroot().findall(f"{POM}dependencies/{POM}dependency")
    rows = [
        [element.findtext(f"{POM}{tag}", "main") for tag in ("scope", "groupId", "artifactId")] for element in found
    ]
    return {
        f"{scope} {group}:{artifact}".replace(" dev.edgekit:", " ")
        for scope, group, artifact in rows
        if scope != "provided" and artifact != "aars"
    }


def build_file(module: str) -> str:
    return (DEMO / module / "build.gradle.kts").read_text()


@pytest.mark.parametrize("module", SHARED_MODULES)
def test_dependencies_of_both_builds_are_the_same(module: str) -> None:
    assert gradle_dependencies(build_file(module)) == maven_dependencies(module)


@pytest.mark.parametrize("module", SHARED_MODULES)
def test_dependencies_say_no_to_a_line_that_only_one_build_has(module: str) -> None:
    lines = build_file(module).splitlines()
    declared = [line for line in lines if gradle_dependencies(line)]
    assert declared
    for line in declared:
        without = "\n".join(other for other in lines if other != line)
        assert gradle_dependencies(without) != maven_dependencies(module)


@pytest.mark.parametrize("module", ["core", "runtime-lite", "app"])
def test_dependencies_say_no_to_another_scope(module: str) -> None:
    text = build_file(module).replace("testImplementation", "implementation")
    assert gradle_dependencies(text) != maven_dependencies(module)


def test_gradle_knows_every_property_of_the_tests() -> None:
    """The properties that surefire passes to the tests, which read them."""
    asked = re.compile(r'(?:getProperty|property)\("(edgekit\.[\w.]+)"\)')
    for module in SHARED_MODULES:
        sources = "\n".join(path.read_text() for path in (DEMO / module / "src/test").rglob("*.kt"))
        wanted = set(asked.findall(sources)) - {"edgekit.screenshots.update"}
        given = set(re.findall(r'systemProperty\("([\w.]+)"', build_file(module)))
        assert given == wanted, module


def test_both_builds_have_the_same_modules() -> None:
    gradle = set(re.findall(r'":([a-z-]+)"', (DEMO / "settings.gradle.kts").read_text()))
    maven = {element.text for element in ElementTree.parse(DEMO / "pom.xml").getroot().iter(f"{POM}module")}
    assert maven - ONLY_MAVEN == gradle


def test_every_module_has_its_sources_where_both_builds_look() -> None:
    for module in SHARED_MODULES:
        assert list((DEMO / module / "src/main/kotlin").rglob("*.kt")), module
        assert not (DEMO / module / "src/main/java").exists(), module


def test_manifest_leaves_package_and_sdks_to_the_builds() -> None:
    manifest = (DEMO / "app/src/main/AndroidManifest.xml").read_text()
    assert "package=" not in manifest
    assert "uses-sdk" not in manifest
    namespace = re.search(r'namespace = "([\w.]+)"', (DEMO / "app/build.gradle.kts").read_text())
    assert namespace is not None
    assert f'NAMESPACE = "{namespace[1]}"' in (DEMO / "tools/resources.py").read_text()


def test_both_languages_have_the_same_strings() -> None:
    def names(folder: str) -> set[str]:
        root = ElementTree.parse(DEMO / f"app/src/main/res/{folder}/strings.xml").getroot()
        return {element.attrib["name"] for element in root}

    assert names("values") == names("values-de")


def test_both_themes_have_the_same_colours() -> None:
    def names(folder: str) -> set[str]:
        root = ElementTree.parse(DEMO / f"app/src/main/res/{folder}/colors.xml").getroot()
        return {element.attrib["name"] for element in root}

    assert names("values") - names("values-night") == {"icon_background", "navigation_bar"}
    assert names("values-night") <= names("values")
