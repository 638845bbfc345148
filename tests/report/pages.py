"""What tests of pages share."""

import re

HOSTILE = "</script><script>window.hacked = 1</script><!--<b>\"'&"
"""A name that would run if it were not kept as text."""


def words(page: str) -> str:
    """The text of a page outside its style and script."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(style|script).*?</\1>", " ", page)).split())
