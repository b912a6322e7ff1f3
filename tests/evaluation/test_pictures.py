"""Which pictures `evaluate` takes, and which classes the subfolders stand for."""

from pathlib import Path

import pytest

from edgekit.errors import UsageError
from edgekit.evaluation.pictures import pictures_of

LABELS = ("ant", "bumble bee", "crane", "emu", "crane")


def folder_with(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def found(root: Path, **options: object) -> dict[str, set[int]]:
    pictures = pictures_of(root, LABELS, len(LABELS), **options)
    return {picture.file.relative_to(root).as_posix(): set(picture.classes) for picture in pictures}


def test_pictures_without_subfolders_have_no_label(tmp_path: Path) -> None:
    root = folder_with(tmp_path, "b.JPG", "a.png", "notes.txt", ".hidden.png", "empty/readme.md")
    assert found(root) == {"a.png": set(), "b.JPG": set()}


def test_subfolders_are_labels_also_with_other_spelling_and_deep_files(tmp_path: Path) -> None:
    root = folder_with(tmp_path, "ant/x.jpg", "Bumble_Bee/deep/er/y.jpg", "crane/z.png", ".git/w.png", "emu/notes.txt")
    assert found(root) == {"Bumble_Bee/deep/er/y.jpg": {1}, "ant/x.jpg": {0}, "crane/z.png": {2, 4}}


def test_subfolders_may_be_numbers_of_classes(tmp_path: Path) -> None:
    assert found(folder_with(tmp_path, "003/x.jpg", "class 1/y.jpg")) == {"003/x.jpg": {3}, "class 1/y.jpg": {1}}


def test_subfolders_of_other_names_are_the_classes_in_order_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = folder_with(tmp_path, *(f"n0{index}/x.jpg" for index in range(len(LABELS))))
    assert found(root) == {f"n0{index}/x.jpg": {index} for index in range(len(LABELS))}
    assert "the classes are those of their order, from n00 to n04" in caplog.text


def test_list_of_subfolders_gives_the_classes(tmp_path: Path) -> None:
    root = folder_with(tmp_path, "n3/x.jpg", "n1/y.jpg")
    assert found(root, folders=("n9", "n1", "n2", "n3", "n4")) == {"n1/y.jpg": {1}, "n3/x.jpg": {3}}
    with pytest.raises(UsageError, match="--classes has no line 'n3'"):
        found(root, folders=("n9", "n1"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["ant/x.jpg", "bumblebe/y.jpg"], "has no label 'bumblebe'. Did you mean bumble bee"),
        (["5/x.jpg", "1/y.jpg"], "has no label '1'"),
        (["x.jpg", "ant/y.jpg"], "has pictures, and subfolders with pictures such as ant"),
        (["x.txt", "ant/y.txt"], "is a folder without pictures"),
    ],
)
def test_folder_that_does_not_fit_is_refused(tmp_path: Path, files: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        found(folder_with(tmp_path, *files))


def test_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        found(tmp_path / "missing")
