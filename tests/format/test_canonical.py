"""Class names do not depend on what else the process compiled."""

import pickletools

from edgekit.format.canonical import Renamer


def names(data: bytes) -> list[str]:
    return [str(argument) for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)]


def test_renamer_same_names_whatever_the_numbers_were() -> None:
    template = (
        b"\x80\x02c__torch__.___torch_mangle_%d\nNet\nq\x00X%c\x00\x00\x00__torch__.___torch_mangle_%d.Net.fq\x01\x86."
    )
    first, second = (template % (n, len(f"__torch__.___torch_mangle_{n}.Net.f"), n) for n in (7, 12345))
    assert Renamer().rewrite(first) == Renamer().rewrite(second)
    assert names(Renamer().rewrite(second)) == [
        "__torch__.___torch_mangle_0 Net",
        "__torch__.___torch_mangle_0.Net.f",
    ]


def test_renamer_different_classes_stay_different() -> None:
    data = b"\x80\x02ca.___torch_mangle_3\nNet\nca.___torch_mangle_9\nNet\n\x86."
    assert names(Renamer().rewrite(data)) == ["a.___torch_mangle_0 Net", "a.___torch_mangle_1 Net"]


def test_renamer_data_without_mangled_names_is_untouched() -> None:
    assert Renamer().rewrite(b"\x80\x02X\x01\x00\x00\x00aq\x00.") == b"\x80\x02X\x01\x00\x00\x00aq\x00."
