"""How files write "not there": one list of tokens, one rule for when they count.

Tokens of `ALWAYS` are missing in every column. Those of `SOMETIMES` can be a category of their own ("None" as an
answer), so they are missing only in columns whose other values are numbers or dates. Blanks around a token do not
matter, so an empty cell and a cell with one space are both missing.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ALWAYS = (
    *("", "?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "N.A.", "n.a."),
    *("NaN", "nan", "NAN", "-NaN", "-nan", "null", "NULL", "Null", r"\N"),
)
SOMETIMES = ("Nan", "None", "none", "NONE", "-", "--", ".", "…", "#VALUE!", "#DIV/0!", "#REF!", "0000-00-00", "NaT")


def trimmed(values: "pa.Array") -> "pa.Array":
    """The strings without blanks around them."""
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(values)


def is_token(trimmed_values: "pa.Array", tokens: Iterable[str]) -> "pa.Array":
    """Which trimmed strings are one of the tokens; null counts as not one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    tokens = pa.array(list(tokens), trimmed_values.type)
    return pc.is_in(trimmed_values, value_set=tokens, skip_nulls=True)
