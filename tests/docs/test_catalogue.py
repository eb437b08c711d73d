"""Every registered name has a line in the docs, and every link between pages leads somewhere."""

from pathlib import Path

import pytest

from genwright.core.registry import MODELS
from tests.docs.catalogue import PAGE, PARTS, ROOT, cell, links, page

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_catalogue_names_what_there_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "names or first lines changed: python -m tests.docs.catalogue"


def test_the_catalogue_has_every_folder_that_registers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for registry, _ in PARTS.values():
        assert registry.names()
        for name in registry.names():
            assert f"`{name}`" in text
            assert cell(registry.summary(name)) in text, f"{registry.folder}/{name}.py has no line"


@pytest.mark.parametrize("name", MODELS.names())
def test_a_family_has_a_page_and_a_place_in_the_tables(name: str) -> None:
    assert (ROOT / "docs" / "models" / f"{name}.md").read_text(encoding="utf-8").startswith(f"# {name}")
    for table in ("README.md", "README.zh-CN.md"):
        assert f"[`{name}`](docs/models/{name}.md)" in (ROOT / table).read_text(encoding="utf-8")
    assert f"[{name}]({name}.md)" in (ROOT / "docs" / "models" / "choosing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    gone = [target for target in links(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()]
    assert not gone, f"{page.relative_to(ROOT)} links to {gone}"
