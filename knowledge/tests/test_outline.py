"""The structure of texts: which lines are headings, and which only look like them."""

import pytest

from knowledge.chunking import split


def headings(content: str) -> list[tuple[str, str]]:
    """The heading path and the first line of each passage."""
    return [(chunk.heading, chunk.text.splitlines()[0]) for chunk in split(content)]


def test_passages_carry_the_path_of_the_headings_above_them() -> None:
    content = "before\n# Guide\nin\n## Install ##\nin\n### On C#\nin\n## Use\nin\n# Other\r\nin"
    assert headings(content) == [
        ("", "before"),
        ("Guide", "# Guide"),
        ("Guide > Install", "## Install ##"),
        ("Guide > Install > On C#", "### On C#"),
        ("Guide > Use", "## Use"),
        ("Other", "# Other"),
    ]


def test_every_passage_of_a_long_section_carries_its_heading() -> None:
    chunks = split("# Guide\n" + "word " * 1000)
    assert {chunk.heading for chunk in chunks} == {"Guide"}
    assert len(chunks) > 1


def test_headings_without_text_between_them_open_one_section() -> None:
    assert headings("# Guide\n\n## Install\n\ntext") == [("Guide > Install", "# Guide")]


def test_underlined_headings_open_sections() -> None:
    content = "Guide\n=====\n\ntext\n\nInstall\n---\ntext\n"
    assert headings(content) == [("Guide", "Guide"), ("Guide > Install", "Install")]


def test_underlined_headings_without_text_between_them_open_one_section() -> None:
    assert headings("Guide\n===\nInstall\n") == [("Guide", "Guide")]
    assert headings("Guide\n===\n\nInstall\n---\nin") == [("Guide > Install", "Guide")]


@pytest.mark.parametrize(
    "content",
    [
        "#hashtag",
        "####### seven",
        "    # indented",
        "a # b",
        "- item\n---",
        "two\nlines\n---",
        "---\ntitle: x\n---",
        "    code\n---",
        "a | b\n--- | ---",
        "1. item\n---",
        "text\n-",
        "===\n===",
    ],
)
def test_lines_that_only_look_like_headings_open_no_section(content: str) -> None:
    assert {chunk.heading for chunk in split(content)} == {""}


@pytest.mark.parametrize(
    "code",
    [
        "```sh\n# comment\n```",
        "~~~\n# comment\n```\n# comment\n~~~",
        "````\n```\n# comment\n````",
        "```\n``` no end\n# comment\n```",
        "```\n# comment\n`````",
        "```\n\n# never closed",
    ],
)
def test_comments_in_fenced_code_are_no_headings(code: str) -> None:
    assert {chunk.heading for chunk in split(f"# Guide\n{code}\n")} == {"Guide"}


@pytest.mark.parametrize("inline", ["```not` a fence", "``", "    ```"])
def test_what_opens_no_fence_hides_no_heading(inline: str) -> None:
    assert headings(f"{inline}\n# Title")[-1] == ("Title", "# Title")


def test_heading_behind_fenced_code_opens_a_section() -> None:
    assert headings("```\n# code\n```\n# Title\nin") == [("", "```"), ("Title", "# Title")]


def test_heading_without_words_closes_what_is_above_it() -> None:
    content = "# Guide\nin\n## Install\nin\n##\nin\n### ###\nin\n#\r\nin"
    assert [heading for heading, _ in headings(content)] == ["Guide", "Guide > Install", "Guide", "Guide", ""]


def test_endless_heading_is_shortened_in_the_path() -> None:
    (chunk,) = split("# " + "long " * 100)
    assert len(chunk.heading) == 120
    assert chunk.heading.endswith("…")
