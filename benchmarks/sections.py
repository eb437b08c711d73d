"""A page that several scripts write, each its own section."""

import re
from pathlib import Path


def put_section(page: Path, head: str, title: str, text: str) -> None:
    """Puts a section in its place on a page, which is made where there is none; other sections stay.

    Args:
        page: A Markdown file.
        head: What stands above all sections.
        title: Of the section.
        text: Below the title.
    """
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    sections = dict(re.findall(r"^## (.+?)\n\n(.*?)(?=^## |\Z)", old, re.M | re.S))
    sections[title] = text
    parts = [head, *(f"## {name}\n\n{body.strip()}" for name, body in sorted(sections.items()))]
    page.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, all columns but the first to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
