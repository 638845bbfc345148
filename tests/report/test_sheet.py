"""Words that every table and page shares."""

from segkit.report.sheet import machine_line

MACHINE = {"processor": "CPU", "cores": 4, "threads": 2, "instructions": "AVX2", "torch": "2.13.0", "segkit": "0.1.0"}


def test_the_line_of_the_machine_names_the_commit_where_it_is_known():
    found = {"size": [513, 257], "machine": MACHINE}
    told = "One picture of 257x513. CPU, 2 threads of 4 cores, AVX2, torch 2.13.0, segkit 0.1.0"
    assert machine_line(found) == f"{told}."
    assert machine_line(found | {"machine": MACHINE | {"commit": "0123456789"}}) == f"{told} (0123456789)."
