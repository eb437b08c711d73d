"""docs/benchmarks.md from the numbers of `tables.py`: a table a data set, its protocol, versions, machine and dates."""

from collections import Counter
from typing import Any

Row = dict[str, Any]

COLUMNS = {
    "detectability": "detector, held-out",
    "detectability_plain": "plain detector",
    "detectability_train": "detector, train",
    "utility": "utility",
    "marginals": "marginals",
    "pairs": "pairs",
    "exact": "copies",
    "closer": "closer to train",
    "closer_tail": "closest 5 %",
    "membership": "membership",
}
GLOSSARY = {
    "fit": "CPU seconds of fitting on one thread, imports left out",
    "draw": "CPU seconds of drawing as many rows as were learnt from",
    "memory": "largest resident size of the process, MB",
    "detector, held-out": "AUC of boosted trees that tell draws from unseen real rows; 0.5: they cannot",
    "plain detector": "the same by scikit-learn's boosting with its defaults, which stop it earlier",
    "detector, train": "the first against the rows that were learnt from; well below 0.5: copies",
    "utility": "trees that learnt from draws only predict the target of unseen real rows: AUC, or R² of ranks",
    "marginals": "how far single columns are off on average, in shares of rows",
    "pairs": "how far two-way tables are off on average, in shares of rows",
    "copies": "draws that equal a training row in all columns",
    "closer to train": "draws nearer to a training row than to an unseen one; 0.5 is ideal",
    "closest 5 %": "the same among the draws that lie closest to any real row; 0.5 is ideal, a pure copy nears 1",
    "membership": "AUC of an attacker who asks which real rows were learnt from; 0.5: no better than luck",
}


def render(found: dict[str, Any]) -> str:
    """The whole page."""
    parts = [_head(found), *(_table(t, found) for t in found["tables"].values()), _glossary(), _protocols(found)]
    return "\n\n".join(parts) + "\n"


def _head(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"""# Benchmarks

genwright beside other people's generators of tables. Every generator learns from 80 % of a table with its own defaults,
on one thread, for at most {found["seconds"]:g} CPU seconds (for about as many as its row names, if it names any), and
draws as many rows. genwright's judges measure them against the other 20 %, which nobody has seen. The first rows of
each table are the anchors that a number is read against: real rows, a copy of the training rows, and independent
columns.

Read fidelity (the detectors, utility, marginals, pairs) and privacy (the last four numbers) together: a copy of the
training rows wins the former and loses the latter.

{found["date"]}, {found["machine"]}, Python {found["python"]},
{versions}.

This page is written by `python -m benchmarks.tables`; [benchmarks.json](benchmarks.json) has all numbers with their
95 % intervals, and `benchmarks/README.md` says how to measure them again. Rows marked † were drawn in other runs than
most of the page, on the day that they name."""


def _usual_run(found: dict[str, Any]) -> str:
    """The run that most rows were drawn in."""
    runs = Counter(row["facts"]["run"] for table in found["tables"].values() for row in table["rows"].values())
    return runs.most_common(1)[0][0] if runs else ""


def _table(table: dict[str, Any], found: dict[str, Any]) -> str:
    titles = ["generator", "fit", "draw", "memory", *COLUMNS.values(), "drawn"]
    lines = [titles, ["---", *["---:"] * (len(titles) - 2), "---"]]
    lines += [_row(row, _usual_run(found)) for row in table["rows"].values()]
    size = f"{table['n_train']:,} rows to learn from, {table['n_held_out']:,} held out, {table['n_columns']} columns"
    head = f"## {table['title']}\n\n{size}; target of *utility*: `{table['target']}` ({_unit(table)})."
    return "\n".join([head, "", *(f"| {' | '.join(cells)} |" for cells in lines)])


def _unit(table: dict[str, Any]) -> str:
    parts = {r["scores"]["utility"]["part"] for r in table["rows"].values() if "utility" in r.get("scores", {})}
    return {"auc": "AUC", "r2": "R² of ranks"}.get(next(iter(parts), ""), "–")


def _row(row: Row, run: str) -> list[str]:
    facts = row["facts"]
    drawn = facts["finished"][:10] + ("" if facts["run"] == run else " †")
    if "error" in row:
        return [_title(row), *["–"] * (3 + len(COLUMNS)), f"failed {drawn}"]
    costs = [_cost(facts, f"{what}_cpu_seconds", 1) for what in ("fit", "sample")] + [_cost(facts, "peak_rss_mb", 0)]
    return [_title(row), *costs, *(_number(name, row["scores"].get(name)) for name in COLUMNS), drawn]


def _title(row: Row) -> str:
    """Name and version, with the seconds that were used up, or the epochs that the limit allowed where it cut some."""
    facts = row["facts"]
    name = f"{row['title']} {facts['version'].partition('+')[0]}" if "version" in facts else row["title"]
    if "budget" in row:
        return f"{name} ({row['budget']:g} s)"
    done, wanted = facts.get("epochs"), facts.get("epochs_wanted")
    if isinstance(wanted, int) and done is not None and done < wanted:
        return f"{name} ({done:g} of {wanted} epochs)"
    return name


def _cost(facts: Row, key: str, digits: int) -> str:
    return f"{facts[key]:,.{digits}f}" if key in facts else "–"


def _number(name: str, score: Row | None) -> str:
    """A share of copies in per cent; an AUC of the detector with half of its interval; else three digits."""
    if score is None:
        return "–"
    if name == "exact":
        return f"{100 * score['value']:.1f} %"
    if name in ("detectability", "detectability_plain"):
        return f"{score['value']:.3f} ± {(score['high'] - score['low']) / 2:.3f}"
    return f"{score['value']:.3f}"


def _glossary() -> str:
    lines = [f"- *{word}*: {meaning}." for word, meaning in GLOSSARY.items()]
    return "\n".join(
        ["## What the columns mean", "", *lines, "", "None of these numbers proves privacy; they look for known leaks."]
    )


def _protocols(found: dict[str, Any]) -> str:
    """How each number is measured, in the judges' words, for the first table; the others differ in their sizes."""
    table = next(iter(found["tables"].values()), None)
    if table is None:
        return "## Protocol\n\nNo table has been measured."
    lines = [f"- *{COLUMNS[name]}*: {text}." for name, text in table["protocols"].items()]
    return "\n".join([f"## Protocol, as on {table['title']}", "", *lines, "", "### How the peers were run", "", PEERS])


PEERS = """Each peer runs in an environment of its own with the defaults of its package; seconds are its process's own.

- *TabularARGN*: detects kinds of columns, handles empty cells and rare values by itself, and stops early by itself.
- *CTGAN, TVAE*: text and whole numbers with at most 20 values are declared categories; an empty category becomes a
  level, an empty number the median beside an indicator column; training ends before the epoch that would pass the
  limit.
- *SMOTE-NC*: the same preparation; the target is the class (a number cut at its median), each class is oversampled by
  its share, and only new rows are kept.
- *genwright, gpt, vae and gan*: `fit(model=…, minutes=…)` on a clock of CPU seconds, with those of their row but for
  what reading, encoding, timing steps and watching take.
- *Gaussian copula*: detects kinds of columns by itself; latitude and longitude are declared numbers.
- Numbers are rounded to the decimals of the training column wherever a peer does not do so."""
