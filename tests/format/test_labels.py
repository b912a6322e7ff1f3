from edgekit.format.labels import decode_labels, encode_labels


def test_labels_round_trip_as_ascii_lines() -> None:
    labels = ("cat", "café", "日本", "😀", "back\\slash", "line\nbreak", "\\u0041", "")
    text = encode_labels(labels)
    assert text.isascii()
    assert text.splitlines()[1:4] == ["caf\\u00e9", "\\u65e5\\u672c", "\\ud83d\\ude00"]
    assert decode_labels(text) == labels


def test_labels_odd_escape_stays() -> None:
    assert decode_labels("a\\b \\u12\n") == ("a\\b \\u12",)
