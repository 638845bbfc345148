"""The pages in a real browser, used with the pointer and with the keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from segkit.report.ablation_page import write_ablation_page
from segkit.report.benchmark_page import write_benchmark_page
from segkit.report.data_page import write_data_page
from segkit.report.evaluation_page import write_evaluation_page

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "</script><img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
CLASSES = ("sky", "road", "car", "carpet")
METRICS = [{"iteration": number, "loss": 1 / number, "lr": 0.1, "skipped": 0} for number in range(1, 50)]


@pytest.fixture(scope="session")
def browser() -> Iterator:
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def written(
    evaluated, make_table, make_ablation, make_check, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A page of 120 pictures, one of names with markup in them, and one each of a table, an ablation and a check."""
    folder = tmp_path_factory.mktemp("pages")
    names = [f"{number:03}.png" for number in range(120)]
    hostile = [f"{HOSTILE}{number}" for number in range(5)]
    sets = {"plain": evaluated(CLASSES, names), "hostile": evaluated([HOSTILE, f"{HOSTILE}'\"", "car"], hostile)}
    for name, (evaluation, gallery, palette) in sets.items():
        write_evaluation_page(
            folder / f"{name}.html",
            evaluation.to_json(),
            title=name if name == "plain" else HOSTILE,
            palette=palette,
            gallery=gallery,
            metrics=METRICS,
            config={name: HOSTILE},
        )
    write_benchmark_page(folder / "table.html", make_table())
    ablation = make_ablation()
    ablation["cells"].append(ablation["cells"][0] | {"name": "other", "title": HOSTILE, "miou": 0.6})
    write_ablation_page(folder / "ablation.html", ablation)
    write_data_page(folder / "data.html", *make_check(HOSTILE), title=HOSTILE)
    return {name: folder / f"{name}.html" for name in (*sets, "table", "ablation", "data")}


@pytest.fixture
def opened(browser, written) -> Iterator:
    """A function that opens a page; at the end it had no error and asked nothing of a network."""
    problems, contexts = [], []

    def opened(name: str = "plain", *, width: int = 1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        page.goto(written[name].as_uri())
        return page

    def asked(url: str) -> None:
        if not url.startswith(("file:", "data:")):
            problems.append(url)

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def column(page, table: str, number: int) -> list[str]:
    return page.locator(f"{table} tbody tr > :nth-child({number})").all_inner_texts()


def test_classes_are_sorted_by_pointer_and_keyboard(opened) -> None:
    page = opened()
    heading = page.locator(".classes thead th").nth(2)
    assert heading.get_attribute("aria-sort") == "none"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    values = [float(text) for text in column(page, ".classes", 3)]
    assert values == sorted(values, reverse=True)
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(page, ".classes", 3)] == values[::-1]
    page.locator(".classes thead button").first.focus()
    page.keyboard.press("Space")
    assert column(page, ".classes", 1) == sorted(CLASSES)
    assert heading.get_attribute("aria-sort") == "none"


def test_pictures_come_in_parts_and_are_sorted_as_a_whole(opened) -> None:
    page = opened()
    rows = page.locator("#picture-table tbody tr")
    assert rows.count() == 50
    for last in (99, 119):
        page.locator("#more").scroll_into_view_if_needed()
        rows.nth(last).wait_for()
    assert rows.count() == 120 and not page.locator("#more").is_visible()
    page.get_by_role("button", name="mIoU %").last.click()
    values = [float(text) for text in column(page, "#picture-table", 3)]
    assert len(values) == 50 and values == sorted(values)
    assert values[0] < float(page.locator(".strip .under").first.inner_text())


def test_search_by_name_and_by_class(opened) -> None:
    page = opened()
    search, found = page.get_by_label("Search by name or class"), page.locator("#found")
    assert found.inner_text() == "120 pictures"
    for text, count in (("11", 11), ("class: road", 40), ("ROAD", 40), ("class: car", 40), ("no", 0)):
        search.fill(text)
        assert found.inner_text() == f"{count} of 120 pictures"
    assert page.locator("#picture-table tbody tr").count() == 0
    page.locator(".classes").get_by_role("link", name="road").click()
    assert search.input_value() == "class: road" and found.inner_text() == "40 of 120 pictures"


def test_the_slider_wipes_and_the_layers_change(opened) -> None:
    page = opened()
    clip = "getComputedStyle(document.querySelector('.half[data-side=\"left\"]')).clipPath"
    before = page.evaluate(clip)
    page.locator(".wipe").focus()
    page.keyboard.press("ArrowRight")
    after = page.evaluate(clip)
    assert before != after and page.locator(".wipe").input_value() == "51"
    assert page.evaluate("document.querySelector('.stage').style.getPropertyValue('--wipe')") == "51%"

    layer = page.locator('.half[data-side="left"] .layer')
    shown = layer.get_attribute("src")
    page.get_by_role("group", name="Left of the slider").get_by_label("errors").check()
    assert layer.get_attribute("src") != shown
    assert page.locator('.tag[data-side="left"]').inner_text() == "errors"
    page.get_by_label("Opacity").fill("20")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.half[data-side=\"right\"] .layer')).opacity") == "0.2"
    )

    best = page.locator(".strip button").first
    assert page.locator(".shown-name").inner_text() != best.get_attribute("title")
    best.click()
    assert page.locator(".shown-name").inner_text() == best.get_attribute("title")
    assert page.locator('.strip [aria-current="true"]').count() == 1


def test_the_matrix_tells_its_cells(opened) -> None:
    page = opened()
    matrix, told = page.locator(".matrix"), page.locator("#told")
    matrix.focus()
    page.keyboard.press("ArrowDown")
    assert told.inner_text().startswith("sky is right in ")
    page.keyboard.press("ArrowDown")
    assert told.inner_text().startswith("road is taken for sky in ")
    page.locator(".matrix rect.right").last.hover()
    assert told.inner_text().startswith("carpet is right in ")


def test_a_picture_closer(opened) -> None:
    page = opened()
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="003.png").focus()
    page.keyboard.press("Enter")
    assert dialog.get_by_role("heading").inner_text() == "003.png"
    page.keyboard.press("ArrowRight")
    assert dialog.get_by_role("heading").inner_text() == "004.png"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_it_is_chosen(opened, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    button = page.get_by_role("button", name="Dark theme")
    background = "getComputedStyle(document.body).backgroundColor"
    first = page.evaluate(background)
    assert button.get_attribute("aria-pressed") == str(scheme == "dark").lower()
    button.click()
    assert button.get_attribute("aria-pressed") == str(scheme != "dark").lower()
    assert page.evaluate(background) != first
    page.reload()
    assert page.evaluate(background) != first


def test_names_with_markup_stay_text(opened) -> None:
    page = opened("hostile")
    page.get_by_label("Search by name or class").fill("img src")
    page.get_by_role("button", name=f"{HOSTILE}3", exact=True).click()
    assert page.get_by_role("dialog").get_by_role("heading").inner_text() == f"{HOSTILE}3"
    page.keyboard.press("Escape")
    page.locator(".matrix").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#told").inner_text().startswith(HOSTILE)
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("name", ["plain", "hostile", "table", "ablation", "data"])
@pytest.mark.parametrize("width", [320, 390, 768])
def test_only_boxes_scroll_sideways(opened, name: str, width: int) -> None:
    page = opened(name, width=width, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_rows_open_by_pointer_and_keyboard_and_stay_together(opened) -> None:
    page = opened("table", width=390)
    button = page.get_by_role("button", name="MobileNetV2 ASPP, OS 16", exact=True)
    inside = page.get_by_role("group", name="MobileNetV2 ASPP, OS 16", exact=True)
    assert button.get_attribute("aria-expanded") == "false" and not inside.is_visible()
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true" and inside.is_visible()
    assert inside.evaluate("box => box.scrollWidth <= box.clientWidth && box.clientWidth < 390")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("#table thead").get_by_role("button", name="mIoU % measured").click()
    headings = (
        "[...document.querySelectorAll('#table .sortable > tbody > tr')].map(row => row.id || row.cells[5].innerText)"
    )
    order = [text.split("\n")[0] for text in page.evaluate(headings)]
    assert order == ["74.60", "row-3", "74.20", "row-2", "unverified", "row-1"]
    assert inside.is_visible()
    button.click()
    assert not inside.is_visible()
    page.locator(".mark-note a").first.click()
    assert page.evaluate("location.hash") == "#note-1"


def shown_cell(page) -> str:
    return page.locator(".panel h3:visible").inner_text()


def test_switches_turn_to_their_cell(opened) -> None:
    page = opened("ablation")
    assert shown_cell(page) == "MobileNetV2, OS 16"
    mf = page.get_by_role("group", name="Multi-scale and flip (MF)")
    told = mf.get_by_role("radio").last.locator("xpath=..").inner_text()
    assert all(text in told for text in ("+1.00 points", "[-0.50, +2.50]", "holds 0", "MAdds x17.2"))
    mf.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    assert shown_cell(page) == "MobileNetV2, OS 16 MF"
    page.get_by_role("group", name="ASPP").get_by_role("radio").last.check()
    assert shown_cell(page) == "MobileNetV2 ASPP, OS 16 MF"
    assert page.get_by_role("status").inner_text() == "MobileNetV2 ASPP, OS 16 MF: mIoU 74.00 %"
    assert (
        page.locator("svg .chosen").evaluate_all("all => all.map(each => each.dataset.point)")
        == ["MobileNetV2 ASPP, OS 16 MF"] * 2
    )
    assert page.locator('.cells [aria-current="true"]').get_attribute("data-cell") == "mobilenet_v2_aspp-os16_mf"
    assert page.locator(".class-bars:visible").count() == 1


def test_a_row_turns_the_switches_and_what_is_not_in_the_grid_is_disabled(opened) -> None:
    page = opened("ablation")
    other = page.get_by_role("radio", name=HOSTILE)
    assert other.is_enabled()
    page.get_by_role("link", name="MobileNetV2 ASPP, OS 16 MF").focus()
    page.keyboard.press("Enter")
    assert shown_cell(page) == "MobileNetV2 ASPP, OS 16 MF"
    assert other.is_disabled() and "not in the grid" in other.locator("xpath=..").inner_text()
    page.locator('.cells tr[data-cell="other"] .number').first.click()
    assert shown_cell(page) == f"{HOSTILE}, OS 16" and other.is_checked()
    assert page.get_by_role("group", name="ASPP").get_by_role("radio").last.is_disabled()
    page.locator(".cells thead").get_by_role("button", name="mIoU %").click()
    values = [float(text) for text in column(page, ".cells", 2)]
    assert values == sorted(values, reverse=True)
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("name", ["plain", "table", "ablation"])
def test_controls_have_names(opened, name: str) -> None:
    page = opened(name)
    nameless = """[...document.querySelectorAll("button, input, a[href]")].filter((each) =>
        !(each.ariaLabel || each.textContent.trim() || each.labels?.length)).map((each) => each.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_findings_are_sorted_and_filtered(opened) -> None:
    page = opened("data")
    rows, found = page.locator("#finding-table tbody tr:visible"), page.locator("#findings-found")
    assert rows.count() == 5 and found.inner_text() == "5 findings"
    page.get_by_label("Level").select_option("error")
    assert rows.count() == 3 and found.inner_text() == "3 of 5 findings"
    page.get_by_label("Kind").select_option("sizes differ")
    assert rows.count() == 2
    page.get_by_label("Text").fill("B.PNG")
    assert rows.count() == 1 and "b.png" in rows.first.inner_text()
    page.get_by_label("Text").fill("nowhere")
    assert rows.count() == 0 and found.inner_text() == "0 of 5 findings"
    for choice in ("Level", "Kind"):
        page.get_by_label(choice).select_option("")
    page.get_by_label("Text").fill("")
    page.locator("#finding-table").get_by_role("button", name="Kind").click()
    kinds = column(page, "#finding-table", 2)
    assert kinds == sorted(kinds, key=str.lower) and len(kinds) == 5
    assert page.evaluate("window.hacked") is None and page.locator("h1").inner_text() == HOSTILE
    page.locator("#balance").get_by_role("button", name="train %").click()
    assert column(page, "#balance table", 1)[0] == "road"
