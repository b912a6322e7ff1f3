"""Writes names.json: nested values, the spelling of their structure and their flattened names, by hand."""

import json
from pathlib import Path
from typing import Any

T = {"tensor": True}
NONE = {"none": True}


def tuple_(*items: Any) -> dict[str, Any]:
    return {"tuple": list(items)}


def list_(*items: Any) -> dict[str, Any]:
    return {"list": list(items)}


def dict_(*pairs: tuple[str | int, Any]) -> dict[str, Any]:
    return {"dict": [list(pair) for pair in pairs]}


def int_(value: int) -> dict[str, Any]:
    return {"int": value}


def float_(value: float) -> dict[str, Any]:
    return {"float": value}


def bool_(value: bool) -> dict[str, Any]:
    return {"bool": value}


CASES: list[tuple[str, Any, str, list[str]]] = [
    ("a tensor", T, "*", ["0"]),
    ("a tuple", tuple_(T, T), "(*, *)", ["0", "1"]),
    ("a tuple of one", tuple_(T), "(*,)", ["0"]),
    ("a tuple of a tuple of one", tuple_(tuple_(T)), "((*,),)", ["0.0"]),
    ("a list", list_(T, T, T), "[*, *, *]", ["0", "1", "2"]),
    ("a list of one", list_(T), "[*]", ["0"]),
    ("eleven tensors", list_(*[T] * 11), "[" + ", ".join("*" * 11) + "]", [str(i) for i in range(11)]),
    ("a dict", dict_(("logits", T), ("a", T)), "{'logits': *, 'a': *}", ["logits", "a"]),
    ("a dict of one", dict_(("logits", T)), "{'logits': *}", ["logits"]),
    ("a dict in a tuple", tuple_(T, dict_(("boxes", T))), "(*, {'boxes': *})", ["0", "1.boxes"]),
    ("a tuple in a dict", dict_(("a", tuple_(T, T)), ("b", T)), "{'a': (*, *), 'b': *}", ["a.0", "a.1", "b"]),
    (
        "dicts in a list in a dict",
        dict_(("levels", list_(dict_(("box", T)), dict_(("box", T))))),
        "{'levels': [{'box': *}, {'box': *}]}",
        ["levels.0.box", "levels.1.box"],
    ),
    ("three deep", list_(tuple_(T, list_(T, T)), T), "[(*, [*, *]), *]", ["0.0", "0.1.0", "0.1.1", "1"]),
    ("no tuple", tuple_(), "()", []),
    ("no list", tuple_(list_(), T), "([], *)", ["1"]),
    ("no dict", tuple_(dict_(), T), "({}, *)", ["1"]),
    ("None", NONE, "None", []),
    ("None in a tuple keeps its place", tuple_(NONE, T), "(None, *)", ["1"]),
    ("an integer", int_(7), "*", ["0"]),
    ("numbers in a tuple", tuple_(float_(1.5), int_(-2), bool_(True), T), "(*, *, *, *)", ["0", "1", "2", "3"]),
    ("numbers in a list", list_(int_(1), int_(2)), "[*, *]", ["0", "1"]),
    ("a number in a dict", dict_(("n", int_(3)), ("m", int_(4))), "{'n': *, 'm': *}", ["n", "m"]),
    ("keys of digits", dict_(("0", T), ("10", T)), "{'0': *, '10': *}", ["0", "10"]),
    ("integer keys", dict_((3, T), (-1, T)), "{'3': *, '-1': *}", ["3", "-1"]),
    ("a quote in a key", dict_(("it's", T)), "{'it\\'s': *}", ["it's"]),
    ("a double quote in a key", dict_(('say "a"', T)), "{'say \"a\"': *}", ['say "a"']),
    ("a backslash in a key", dict_(("back\\slash", T)), "{'back\\\\slash': *}", ["back\\slash"]),
    ("a backslash and a quote", dict_(("\\'", T)), "{'\\\\\\'': *}", ["\\'"]),
    ("a backslash at the end", dict_(("a\\", T)), "{'a\\\\': *}", ["a\\"]),
    ("what looks like an escape", dict_(("a\\n\\u0041", T)), "{'a\\\\n\\\\u0041': *}", ["a\\n\\u0041"]),
    ("a line feed and a tab in a key", dict_(("a\n\tb", T)), "{'a\n\tb': *}", ["a\n\tb"]),
    ("a dot in a key", dict_(("a.b", T)), "{'a.b': *}", ["a.b"]),
    ("a dot in a key above others", dict_(("a.b", tuple_(T, T))), "{'a.b': (*, *)}", ["a.b.0", "a.b.1"]),
    ("a space in a key", dict_((" ", T)), "{' ': *}", [" "]),
    ("brackets in a key", dict_(("(*, {", T)), "{'(*, {': *}", ["(*, {"]),
    (
        "other alphabets",
        dict_(("\u00e9", T), ("\u65e5\u672c", T)),
        "{'\u00e9': *, '\u65e5\u672c': *}",
        ["\u00e9", "\u65e5\u672c"],
    ),
    ("beyond 16 bits", dict_(("\U0001f600", T)), "{'\U0001f600': *}", ["\U0001f600"]),
    ("an empty key", dict_(("", T)), "{'': *}", ["0"]),
    ("an empty key below", dict_(("a", dict_(("", T)))), "{'a': {'': *}}", ["a."]),
    ("an empty key above", dict_(("", dict_(("b", T)))), "{'': {'b': *}}", ["b"]),
]
CLASHES: list[tuple[str, Any]] = [
    ("a dot in a key against nesting", dict_(("a.b", T), ("a", dict_(("b", T))))),
    ("a key of digits against a tuple", dict_(("a.1", T), ("a", tuple_(T, T)))),
    ("an empty key against 0", dict_(("", T), ("0", T))),
    ("an empty key above against the key below", dict_(("", dict_(("b", T))), ("b", T))),
]

if __name__ == "__main__":
    cases = [{"name": n, "value": v, "structure": s, "names": names} for n, v, s, names in CASES]
    document = {
        "about": "value: one key says the kind; an int, float or bool is a number, a dict is a list of pairs; "
        "names: in order; error: a reader refuses the value, as two of its leaves have one name",
        "schema_version": "1.0",
        "cases": cases + [{"name": name, "value": value, "error": True} for name, value in CLASHES],
    }
    Path(__file__).with_name("names.json").write_text(json.dumps(document, indent=1) + "\n")
