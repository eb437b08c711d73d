"""The page of sizes and speeds says its numbers in words."""

from benchmarks.scale import PAGE, PARTS, render


def test_numbers_are_in_words():
    page = render(
        {"flights": {"model": "trees", "fit_seconds": 84.91, "peak_mb": 1160.78}, "fit": {"rows": 10_000_000}}
    )
    assert "| family trees, 85 s to fit, 1,161 MB of memory at most |" in page
    assert "| 10,000,000 rows |" in page


def test_the_page_has_a_line_of_every_part():
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(render({}))
    for part in PARTS.values():
        assert f"| {(part.__doc__ or '').splitlines()[0]} | " in page
    assert "_" not in page.replace("benchmarks/", "")
