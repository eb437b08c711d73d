"""From the facts about a column to its kind; the first rule that fits wins.

1. constant: at most one different value.
2. boolean: two words that are a pair (true/false, yes/no, …), or Arrow booleans. The numbers 0 and 1 are a category.
3. number: every value is one, or at least 99.5 % of them are and there are more than 20 different values; the odd
   words are then missing values, and a note names the first. Not: leading zeros, commas, integers beyond 64 bits.
4. datetime: one format fits every value. If day and month could be either way round, `/` means month first
   (12/31/2024), `.` and `-` mean day first (31.12.2024), and a note says so.
5. id: another value in every row that has one, and all look alike or like codes, or the column's name says id (ids.py).
   Fewer than 20 values: only under such a name. Numbers with a sign, unit or colon ($1007.43, 30%, 08:30): the same.
6. text: most rows have a value of their own, and values are long (more than 40 characters or 6 words on average); or,
   from 100 rows on, nearly every row (95 %) has a value of its own, as names of people do, and not most are numbers;
   from 5,000 different values on, more than half of the rows suffice.
7. category: everything else.

Lists, which come typed, are sequences; pictures are images, also where all are the same. Beside pictures, whole numbers
0 … n−1 under a name such as `label` are a category.

A token of missing.ALWAYS is missing in every column, one of missing.SOMETIMES in numbers and dates (missing.py).
"""

from typing import TYPE_CHECKING, Any

from genwright.core.schema import Column, in_words
from genwright.data import dates
from genwright.data.ids import MEASURE, is_id_name
from genwright.data.lists import ListColumn, is_list
from genwright.data.numbers import MAX_DECIMALS
from genwright.data.observe import TextColumn, TypedColumn, is_numeric
from genwright.data.picture_column import PictureColumn

if TYPE_CHECKING:
    import pyarrow as pa

PAIRS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"))  # true first
MIN_NUMERIC, FEW_VALUES = 0.995, 20
MIN_ROWS_FOR_ID, MIN_ROWS_FOR_NAMES, MANY_NAMES = 20, 100, 5_000
LONG_TEXT, MANY_WORDS = 40, 6
CLASS_NAMES, MOST_CLASSES = ("label", "labels", "class", "target", "y"), 1_000  # of numbered classes beside pictures

Facts = TextColumn | TypedColumn


def decide_text(name: str, facts: TextColumn) -> Column:
    """The kind of a column of strings, with all that reading and writing its values needs."""
    for rule in (_constant, _zero_one, _boolean, _number, _datetime, _id):
        column = rule(name, facts)
        if column is not None:
            return column
    return _words(name, facts)


def decide_typed(name: str, facts: TypedColumn, kind: "pa.DataType") -> Column:
    """The kind of a column by its Arrow type."""
    import pyarrow as pa

    n_different = facts.counter.n_distinct
    if n_different and isinstance(facts, PictureColumn):
        return Column(name, "image", why=facts.told())
    if n_different and isinstance(facts, ListColumn):
        return Column(
            name, "sequence", why=f"lists of {'vectors' if is_list(kind.value_type) else in_words(kind.value_type)}"
        )
    if n_different <= 1:
        return Column(name, "constant", why=_constant_why(facts))
    if pa.types.is_boolean(kind):
        return Column(name, "boolean", why="true and false")
    if pa.types.is_dictionary(kind):
        return Column(name, "category", why=f"declared a category, {n_different} values")
    if pa.types.is_temporal(kind):
        return Column(name, "datetime", why=f"dates ({kind})")
    if not is_numeric(kind):
        return Column(name, "category", why=f"{n_different} different values")
    is_whole = pa.types.is_integer(kind) or facts.moments.is_whole  # floats in which some are missing
    if is_whole and not pa.types.is_decimal(kind) and _is_all_different(facts) and is_id_name(name):
        return Column(name, "id", why=f"whole numbers, {_another(facts)}")
    if pa.types.is_integer(kind) and set(facts.counter.counts) == {0, 1}:
        return Column(name, "category", why="0 and 1")
    return Column(name, "number", why="whole numbers" if is_whole else "decimal numbers")


def forced(name: str, kind: str, facts: TextColumn) -> Column | None:
    """The column as the kind that the user set; None where its strings cannot be read as that."""
    rules = {"number": _forced_number, "datetime": _datetime, "boolean": _forced_boolean}
    if kind not in rules:
        return Column(name, kind, {"parse": _parse(facts)}, why="set by the user")
    column = rules[kind](name, facts)
    return column and Column(name, kind, column.options, why="set by the user")


def as_class(column: Column, facts: Facts) -> Column:
    """A column beside pictures: the numbers of classes are a category, anything else stays what it is."""
    if column.kind != "number" or column.name.lower() not in CLASS_NAMES or not facts.counter.is_exact:
        return column
    values = facts.counter.counts
    n = len(values)
    if n > MOST_CLASSES or {str(value).strip() for value in values} != {str(i) for i in range(n)}:
        return column
    parse = column.options.get("parse")
    options = {} if parse is None else {"parse": {"missing": parse["missing"], "type": "int64"}}
    return Column(column.name, "category", options, why=f"0 to {n - 1} beside pictures: classes")


def tokens(facts: TextColumn, with_unclear: bool) -> list[str]:
    """The tokens that stand for missing, the most frequent first."""
    found = facts.tokens + facts.unclear if with_unclear else facts.tokens
    return [token for token, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))]


def is_day_month_open(facts: TextColumn) -> bool:
    """Whether day and month fit either way round."""
    forms = facts.dates.alive or []
    return len({_day_first(f) for f in forms if _day_first(f) is not None}) == 2


def _parse(facts: TextColumn, with_unclear: bool = False, **rest: Any) -> dict[str, Any]:
    return {"missing": tokens(facts, with_unclear), **rest}


def _constant(name: str, facts: TextColumn) -> Column | None:
    if facts.counter.n_distinct > 1:
        return None
    return Column(name, "constant", {"parse": _parse(facts)}, why=_constant_why(facts))


def _constant_why(facts: Facts) -> str:
    if not facts.counter.n_distinct:
        return "every value is missing"
    return "one value in every row" + (" that has one" if facts.n_missing else "")


def _zero_one(name: str, facts: TextColumn) -> Column | None:
    if {word.strip() for word in _few_words(facts)} != {"0", "1"}:
        return None
    return Column(name, "category", {"parse": _parse(facts, type="int64")}, why="0 and 1")


def _few_words(facts: TextColumn) -> list[str]:
    """The different values, when there are fewer than ten."""
    return sorted(facts.counter.counts) if facts.counter.n_distinct < 10 else []


def _boolean(name: str, facts: TextColumn) -> Column | None:
    words = _few_words(facts)
    if len(words) != 2:
        return None
    for pair in PAIRS:
        if {w.strip().lower() for w in words} == set(pair):
            true, false = sorted(words, key=lambda w: pair.index(w.strip().lower()))
            return Column(name, "boolean", {"parse": _parse(facts, true=true, false=false)}, why=f"{true} and {false}")
    return None


def _forced_boolean(name: str, facts: TextColumn) -> Column | None:
    known = _boolean(name, facts)
    words = _few_words(facts)
    if known or len(words) != 2:
        return known
    return Column(name, "boolean", {"parse": _parse(facts, true=words[1], false=words[0])})


def _number(name: str, facts: TextColumn) -> Column | None:
    found = facts.numbers
    if not found.n or not found.is_alive or found.has_leading_zero or not found.fits_int64:
        return None
    if found.n_odd and (found.n < MIN_NUMERIC * (found.n + found.n_odd) or facts.counter.n_distinct <= FEW_VALUES):
        return None
    is_whole = found.decimals == (0, 0) and not found.has_exponent and not found.moments.n_infinite
    if is_whole and not found.n_odd and is_id_name(name) and _is_all_different(facts):
        return Column(name, "id", {"parse": _parse(facts, type="int64")}, why=f"whole numbers, {_another(facts)}")
    return _number_column(name, facts, is_whole)


def _forced_number(name: str, facts: TextColumn) -> Column | None:
    found = facts.numbers
    if not found.n or found.n_odd:
        return None
    is_whole = found.decimals == (0, 0) and not found.has_exponent and found.fits_int64
    return _number_column(name, facts, is_whole and not found.moments.n_infinite)


def _number_column(name: str, facts: TextColumn, is_whole: bool) -> Column:
    found = facts.numbers
    few, most = found.decimals or (0, 0)
    is_plain = not found.has_exponent and most <= MAX_DECIMALS
    parse = _parse(facts, with_unclear=True, type="int64" if is_whole else "float64")
    parse["missing"] += [word for word, _ in found.odd.most_common()]
    if not is_whole:
        parse |= {"decimals": most if is_plain else None, "min_decimals": few if is_plain else min(few, 1)}
    some = f"numbers with up to {most} decimal{'' if most == 1 else 's'}" if is_plain else "numbers"
    shown = "whole numbers" if is_whole or found.moments.is_whole else some
    odd = f"; {found.n_odd} odd words such as {found.odd.most_common(1)[0][0]!r} are missing" if found.odd else ""
    return Column(name, "number", {"parse": parse}, why=shown + odd)


def _day_first(form: str) -> bool | None:
    """Whether the day stands before the month; None where the year does, or the month is a word."""
    bare = form.replace("-", "").replace("%", "")
    return {"d": True, "m": False}.get(bare[0]) if "b" not in bare and "B" not in bare and "d" in bare else None


def _datetime(name: str, facts: TextColumn) -> Column | None:
    found = facts.dates
    if not found.alive or facts.numbers.n:
        return None
    form = found.alive[0]
    digits = found.digits[form]
    offsets = found.offsets[form]
    parse = _parse(facts, with_unclear=True, format=form, unit=dates.unit_of(form, digits[1]))
    if "%f" in form:
        parse["min_digits"] = digits[0]
    if "%z" in form:
        parse["offset"] = offsets.pop() if len(offsets) == 1 else 0
    note = ", day and month could be either way round" if is_day_month_open(facts) else ""
    return Column(name, "datetime", {"parse": parse}, why=f"dates such as {form}{note}")


def _id(name: str, facts: TextColumn) -> Column | None:
    is_alike = bool(facts.shapes) and not facts.shapes & {None, MEASURE}
    if not _is_all_different(facts) or not (is_alike or is_id_name(name)):
        return None
    if facts.n - facts.n_missing < MIN_ROWS_FOR_ID and not is_id_name(name):
        return None
    looks = f"such as {facts.counter.top(1)[0][0]}" if is_alike else "and its name says id"
    return Column(name, "id", {"parse": _parse(facts)}, why=f"{_another(facts)}, {looks}")


def _is_all_different(facts: Facts) -> bool:
    return facts.counter.is_unique and facts.n - facts.n_missing > 1


def _another(facts: Facts) -> str:
    return "another value in every row" + (" that has one" if facts.n_missing else "")


def _words(name: str, facts: TextColumn) -> Column:
    n_known = facts.n - facts.n_missing
    n_different = facts.counter.n_distinct
    options = {"parse": _parse(facts)}
    is_long = facts.n_characters > LONG_TEXT * n_known or facts.n_words > MANY_WORDS * n_known
    share = facts.counter.distinct_share
    if is_long and share > 0.5:
        return Column(name, "text", options, why=f"long text, {facts.n_characters // n_known} characters on average")
    remark, is_measure = _remark(facts), MEASURE in facts.shapes
    is_own = share >= 0.95 and n_known >= MIN_ROWS_FOR_NAMES
    if (is_own or (share > 0.5 and n_different >= MANY_NAMES)) and (is_measure or not remark):
        most = "nearly every row has" if is_own else "most rows have"
        return Column(name, "text", options, why=f"{most} a value of its own{remark}")
    return Column(name, "category", options, why=f"{n_different} different values{remark}")


def _remark(facts: TextColumn) -> str:
    """Why a column that looks like numbers is none."""
    if MEASURE in facts.shapes:
        some = facts.counter.top(1)[0][0]
        return f"; {some!r} has a sign, unit or colon: write bare numbers, or set the kind to id if it names the rows"
    found = facts.numbers
    if found.has_comma and found.n + found.n_odd and _is_mostly_commas(facts):
        return "; numbers with commas are not read as numbers, write 1234.5"
    share = found.n / max(found.n + found.n_odd, 1)
    if share < 0.5 or not found.is_alive:
        return ""
    if found.has_leading_zero:
        return "; leading zeros, so no numbers"
    if found.first_odd and facts.counter.n_distinct > FEW_VALUES:
        row, word = found.first_odd
        return f"; {share:.1%} are numbers, the first of the others is {word!r} in row {row}; mend them to have numbers"
    return ""


def _is_mostly_commas(facts: TextColumn) -> bool:
    found = facts.numbers
    with_comma = sum(
        n for word, n in found.odd.items() if "," in word and word.replace(",", "").replace(".", "").isdigit()
    )
    return found.n + with_comma >= MIN_NUMERIC * (found.n + found.n_odd)
