"""What messages quote."""

import pytest

from lowresource_ner.common.quoting import as_json, listed, printable, quoted


def deep(levels: int) -> list:
    nested: list = []
    for _ in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    "value",
    ["a" * 10**6, ["a" * 10**6] * 1000, {str(n): n for n in range(10**5)}, 10**4000, deep(100_000), "\ud83d", "\0\n"],
    ids=["text", "list", "dict", "number", "deep", "surrogate", "control"],
)
def test_nothing_is_too_long_too_deep_or_not_printable(value) -> None:
    text = quoted(value)
    assert len(text) < 1000 and text.isprintable() and text.encode("utf-8")


def test_what_is_short_is_whole() -> None:
    assert quoted("work of art") == "'work of art'" and quoted([0.5, "é", None]) == "[0.5, 'é', None]"
    assert (
        listed(["PER", "work of art", " PER", "人名", "\ud83d", ""]) == r"PER, work of art, ' PER', 人名, '\ud83d', ''"
    )
    assert listed([]) == "none"
    many = listed(list(map(str, range(10**5))))
    assert many.startswith("0, 1, ") and many.endswith(", 29 and 99970 more")


@pytest.mark.parametrize("text", ["the type é changes", "a" * 400])
def test_text_that_can_be_printed_is_left(text) -> None:
    assert printable(text) == text


def test_text_that_cannot_is_escaped_and_cut() -> None:
    assert printable("the type \ud83d changes\n") == r"the type \ud83d changes\n"
    assert printable("a" * 10**6) == "a" * 400 + "..."


def test_a_map_can_be_copied() -> None:
    assert as_json({"é": "O"}) == '{"é": "O"}'
    assert as_json({"\ud83d": "O"}) == r'{"\ud83d": "O"}'
    assert len(as_json({"a" * 10**6: "b"})) < 20_000
