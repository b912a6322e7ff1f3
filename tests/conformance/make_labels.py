"""Writes labels.json: texts of labels.txt, and the labels in them, by hand."""

import json
from pathlib import Path

CASES = [
    ("nothing", "", []),
    ("one line", "cat\n", ["cat"]),
    ("no line feed at the end", "cat\ndog", ["cat", "dog"]),
    ("empty lines are labels", "\ncat\n\n", ["", "cat", ""]),
    ("one empty line", "\n", [""]),
    ("spaces stay", " cat \n\tdog\n  \n", [" cat ", "\tdog", "  "]),
    ("only a line feed ends a line", "cat\r\ndog\r\n", ["cat\r", "dog\r"]),
    ("a form feed does not end a line", "cat\fdog\vemu\n", ["cat\fdog\vemu"]),
    ("escapes", "caf\\u00e9\n\\u65e5\\u672c\n", ["caf\u00e9", "\u65e5\u672c"]),
    ("escapes in capitals", "caf\\u00E9 \\uD83D\\uDE00\n", ["caf\u00e9 \U0001f600"]),
    ("a pair of surrogates", "\\ud83d\\ude00!\n", ["\U0001f600!"]),
    ("an escaped line feed", "line\\u000abreak\\u000d\n", ["line\nbreak\r"]),
    ("an escaped line separator", "a\\u2028b\\u0085c\n", ["a\u2028b\u0085c"]),
    ("an escaped backslash", "back\\u005cslash\n", ["back\\slash"]),
    ("what an escape gives is not read again", "\\u005cu0041\n", ["\\u0041"]),
    ("two backslashes before an escape", "\\\\u0041\n", ["\\A"]),
    ("a lone backslash stays", "a\\b\n\\\n", ["a\\b", "\\"]),
    ("other escapes stay", "\\n \\x41 \\U0001f600\n", ["\\n \\x41 \\U0001f600"]),
    ("too few digits stay", "\\u\n\\u1\n\\u12\n\\u123\n", ["\\u", "\\u1", "\\u12", "\\u123"]),
    ("an escape does not go on in the next line", "\\u00\n41\n", ["\\u00", "41"]),
    (
        "what is not a digit stays",
        "\\u00g0 \\u-041 \\u+041 \\u 041 \\u0x41\n",
        ["\\u00g0 \\u-041 \\u+041 \\u 041 \\u0x41"],
    ),
    ("a fifth digit is text", "\\u00411\n", ["A1"]),
    ("a high surrogate alone", "\\ud83d!\n", ["\ufffd!"]),
    ("a high surrogate at the end", "\\ud83d\n", ["\ufffd"]),
    ("a low surrogate alone", "\\ude00!\n", ["\ufffd!"]),
    ("surrogates in the wrong order", "\\ude00\\ud83d\n", ["\ufffd\ufffd"]),
    ("a high surrogate before a pair", "\\ud83d\\ud83d\\ude00\n", ["\ufffd\U0001f600"]),
    ("a high surrogate before another escape", "\\ud83d\\u0041\n", ["\ufffdA"]),
    ("the ends of the ranges", "\\ud7ff\\ue000\\uffff \\u0000\n", ["\ud7ff\ue000\uffff \0"]),
    ("the first and last pair", "\\ud800\\udc00\\udbff\\udfff\n", ["\U00010000\U0010ffff"]),
]

if __name__ == "__main__":
    document = {
        "about": "text: the record; labels: what a reader makes of it",
        "schema_version": "1.0",
        "cases": [{"name": name, "text": text, "labels": labels} for name, text, labels in CASES],
    }
    Path(__file__).with_name("labels.json").write_text(json.dumps(document, indent=1) + "\n")
