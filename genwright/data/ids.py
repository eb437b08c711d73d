"""Which columns only number or name the rows: customer numbers, UUIDs, hashes.

Such a column has another value in every row, and either its values look alike (the same runs of digits, capitals and
small letters; hexadecimal of one length; single words that mostly have digits) or the column's name says id. Amounts,
shares and times look alike, too (`$1007.43`, `30%`, `12kg`, `08:30`): they are no ids unless the name says so.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_WORDS = {"id", "uid", "uuid", "guid", "key", "index", "idx", "pk", "rowid", "rownum", "serial"}
_CAMEL = re.compile(r"[a-z](Id|ID|UUID|Key)$")  # customerID
_UNNAMED = re.compile(r"^(column_\d+|unnamed.*)$", re.I)  # a frame's index, written without a name
HEX = r"^[0-9a-fA-F]{8,128}$"
CODE = r"^[A-Za-z0-9_\-.:/#]{2,40}$"
MEASURE = "a measure"
MOST_SHAPES, MOST_UNITS = 100, 3  # of one column of measures
_MEASURE = re.compile(  # with 0 for digits: a number with a currency, a unit or separators, or a time
    r"[+-]?([$€£¥₹][+-]?)?0(,0)*([.,]0)?([%‰$€£¥₹]|[°µ]?[A-Za-z]*)|[+-]?0(:0){1,2}([.,]0)?"
)
UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


def is_id_name(name: str) -> bool:
    """Whether a column's name says that it numbers the rows.

    >>> [n for n in ("id", "customerID", "_id", "paid", "humid", "liquid") if is_id_name(n)]
    ['id', 'customerID', '_id']
    """
    words = [word for word in re.split(r"[\s_\-.]+", name.lower()) if word]
    is_word = bool(words) and (words[0] in _WORDS or words[-1] in _WORDS)
    return is_word or bool(_CAMEL.search(name)) or bool(_UNNAMED.match(name))


def shape_of(values: "pa.Array") -> str | None:
    """What all values look like: `UUID`, `hex`, MEASURE, runs such as `0-A`, `code` (one word, mostly with digits)."""
    import pyarrow.compute as pc

    from genwright.data.numbers import has_match

    if not has_match(values, r"\d") or pc.max(pc.utf8_length(values)).as_py() > 128:
        return None
    if pc.all(pc.match_substring_regex(values, UUID)).as_py():
        return "UUID"
    lengths = pc.unique(pc.utf8_length(values))
    if len(lengths) == 1 and pc.all(pc.match_substring_regex(values, HEX)).as_py() and has_match(values, "[a-fA-F]"):
        return "hex"
    shapes = pc.unique(pc.replace_substring_regex(values, r"\d+", "0"))
    if len(shapes) <= MOST_SHAPES and _are_measures(shapes.to_pylist()) and not has_match(values, r"^0\d+[^\d:]+$"):
        return MEASURE
    shapes = pc.replace_substring_regex(shapes, r"[A-Z]+", "A")
    shapes = pc.unique(pc.replace_substring_regex(shapes, r"[a-z]+", "a"))
    shape = shapes[0].as_py()
    if len(shapes) == 1 and "0" in shape and not re.search(r"\s|^-?0\.0$", shape):
        return shape
    is_code = pc.all(pc.match_substring_regex(values, CODE)).as_py()
    return "code" if is_code and pc.mean(pc.match_substring_regex(values, r"\d").cast("int8")).as_py() >= 0.5 else None


def _are_measures(shapes: list[str]) -> bool:
    """Whether all are numbers with a sign, unit or colon, and the units few.

    >>> [shape for shape in ("$0.0", "0%", "0kg", "0:0", "0,0", "0", "C-0", "0.0.0.0") if _are_measures([shape])]
    ['$0.0', '0%', '0kg', '0:0', '0,0']
    """
    is_bare = any(not shape.strip("-+0.") for shape in shapes)
    units = {re.sub(r"[-+0.,]", "", shape) for shape in shapes}
    return not is_bare and len(units) <= MOST_UNITS and all(map(_MEASURE.fullmatch, shapes))
