"""The page of a check: what stands on it, and that text stays text."""

from pathlib import Path

import pytest

from segkit.report.data_page import MOST, write_data_page

TEXT = "<b>&\"'"


def test_page_holds_findings_balance_and_weights(make_check, tmp_path: Path) -> None:
    check, examples = make_check(TEXT)
    write_data_page(tmp_path / "page.html", check, examples, title="Check of a.yaml")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>" not in page and page.count("&lt;b&gt;&amp;") > 5
    assert "labels/b.png is wrong: mend it" in page and "sizes differ (2)" in page
    assert "train.class_weights=[1.5, 0.75, 1]" in page
    assert page.count('src="data:image/webp;base64,') == 2
    assert ">66.667</td>" in page and "mend the errors first" in page
    assert "http:" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(("errors", "told"), [(0, "nothing is wrong"), (1, "mend the errors")])
def test_page_of_a_sound_and_an_empty_set(make_check, tmp_path: Path, errors: int, told: str) -> None:
    check, _ = make_check(TEXT)
    empty = [split | {"pixels": [0, 0, 0], "ignored": 0, "sizes": [], "pictures": 0} for split in check["splits"]]
    check |= {"findings": check["findings"][:errors], "errors": errors, "splits": empty, "class_weights": None}
    write_data_page(tmp_path / "page.html", check, [], title="t")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert told in page and "class_weights" not in page and "none read" in page


def test_page_of_very_many_findings(make_check, tmp_path: Path) -> None:
    check, _ = make_check(TEXT)
    check["findings"] = check["findings"][:1] * (MOST + 5)
    write_data_page(tmp_path / "page.html", check, [], title="t")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("is wrong: mend it</td>") == MOST and f"first {MOST} of {MOST + 5}" in page
