"""Words that every table and page shares."""

from segkit.report.sheet import Sheet, bullets, machine_line, markdown, numbered

MACHINE = {"processor": "CPU", "cores": 4, "threads": 2, "instructions": "AVX2", "torch": "2.13.0", "segkit": "0.1.0"}


def test_the_line_of_the_machine_names_the_commit_where_it_is_known():
    found = {"size": [513, 257], "machine": MACHINE}
    told = "One picture of 257x513. CPU, 2 threads of 4 cores, AVX2, torch 2.13.0, segkit 0.1.0"
    assert machine_line(found) == f"{told}."
    assert machine_line(found | {"machine": MACHINE | {"commit": "0123456789"}}) == f"{told} (0123456789)."


def test_markdown_of_tables_and_lines():
    sheet = Sheet(("class", "side", "IoU"), (("a|b", "<i>", "1"), ("c\n d", "", "2")), left=2)
    rows = "| a\\|b | &lt;i> | 1 |\n| c d |  | 2 |\n"
    table = f"| class | side | IoU |\n| --- | --- | ---: |\n{rows}"
    assert markdown(["Said.", sheet, bullets("ab"), numbered("cd")]) == f"Said.\n\n{table}\n- a\n- b\n\n1. c\n2. d\n"
    assert sheet.only(0, 2) == Sheet(("class", "IoU"), (("a|b", "1"), ("c\n d", "2")))
