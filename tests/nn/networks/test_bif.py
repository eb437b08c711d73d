"""BIF: what is written reads back to the same bits; what others write is read; what is wrong is told by line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import DataError
from genwright.nn.networks.bif import Document, read_bif, write_bif
from tests.nn.networks.worlds import NETS, asia, random_network

SMALL = """network small { property author somebody; }
// a comment
variable rain { type discrete [ 2 ] { no, yes }; property position = (1, 2) ; }
variable "wet grass" { type discrete[3] { "a b", c, d }; }
/* two
lines */
probability ( rain ) { table 0.8, 0.2; }
probability ( "wet grass" | rain ) {
  (no) 0.7, 0.2, 0.1;
  (yes) 0.1 0.2 0.7;
}
"""

# as pgmpy 1.1.2 writes it
PGMPY = """network unknown {
}
variable lung {
    type discrete [ 2 ] { yes, no };
}
variable smoke {
    type discrete [ 2 ] { yes, no };
}
probability ( lung | smoke ) {
    ( yes ) 0.1, 0.9;
    ( no ) 0.01, 0.99;

}
probability ( smoke ) {
    table 0.5, 0.5 ;
}
"""


@pytest.mark.parametrize("seed", NETS)
def test_what_is_written_reads_back_to_the_same_bits(seed: int) -> None:
    network = random_network(seed)
    states = [[f"s {k}" for k in range(r)] for r in network.cards]
    columns = ["plain", "with space", 'a "quote"', "back\\slash", "Größe;{"]
    found = read_bif(write_bif(Document(columns, states, network)))
    assert found.columns == columns
    assert found.states == states
    assert found.network.parents == network.parents
    assert all((a == b).all() for a, b in zip(found.network.tables, network.tables, strict=True))


def test_a_text_by_hand() -> None:
    found = read_bif(SMALL)
    assert found.columns == ["rain", "wet grass"]
    assert found.states == [["no", "yes"], ["a b", "c", "d"]]
    assert found.network.parents == ((), (0,))
    np.testing.assert_array_equal(found.network.tables[1], [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])


def test_a_text_by_pgmpy() -> None:
    found = read_bif(PGMPY)
    assert found.network.parents == ((1,), ())
    np.testing.assert_array_equal(found.network.tables[0], [[0.1, 0.9], [0.01, 0.99]])


def test_flat_tables_and_defaults() -> None:
    """In a flat table the column's own codes vary slowest."""
    flat = PGMPY.replace("( yes ) 0.1, 0.9;\n    ( no ) 0.01, 0.99;", "table 0.1, 0.01, 0.9, 0.99;")
    default = PGMPY.replace("( yes ) 0.1, 0.9;", "default 0.1, 0.9;")
    for text in (flat, default):
        np.testing.assert_array_equal(read_bif(text).network.tables[0], [[0.1, 0.9], [0.01, 0.99]])


def test_rounded_probabilities_are_made_to_sum_to_one() -> None:
    text = PGMPY.replace("0.5, 0.5", "0.333, 0.666")
    np.testing.assert_allclose(read_bif(text).network.tables[1], [1 / 3, 2 / 3])


def test_pgmpy_reads_what_we_write(tmp_path) -> None:  # type: ignore[no-untyped-def]
    reader = pytest.importorskip("pgmpy.readwrite", reason="pgmpy is not installed here").BIFReader
    names = ["asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp"]
    path = tmp_path / "asia.bif"
    path.write_text(write_bif(Document(names, [["yes", "no"]] * 8, asia())))
    model = reader(str(path)).get_model()
    assert model.check_model()
    assert set(model.get_parents("dysp")) == {"bronc", "either"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("variable smoke", "variabel smoke", r"line 6: .*variabel"),
        ("[ 2 ] { yes, no };\n}\nvariable", "[ 3 ] { yes, no };\n}\nvariable", "line 4: variable lung names 2"),
        ("{ yes, no };\n}\nprob", "{ yes, yes };\n}\nprob", "line 7: variable smoke has a state twice"),
        ("lung | smoke", "lung | fumes", "line 9: there is no variable fumes"),
        ("lung | smoke", "lung | lung", "line 9: variable lung has a parent twice, or is its own"),
        ("( yes ) 0.1, 0.9", "( maybe ) 0.1, 0.9", "line 10: smoke has no state maybe"),
        ("( yes ) 0.1, 0.9", "( yes, no ) 0.1, 0.9", "line 10: lung has 1 parents, found 2"),
        ("( yes ) 0.1, 0.9", "( yes ) 0.1, 0.7", "line 10: lung needs 2 probabilities that sum to 1"),
        ("( yes ) 0.1, 0.9", "( yes ) 0.1", "line 10: lung needs 2"),
        ("( yes ) 0.1, 0.9", "( yes ) -0.1, 1.1", "line 10: -0.1 is no probability"),
        ("( yes ) 0.1, 0.9", "( yes ) nan, 0.9", "line 10: nan is no probability"),
        ("( yes ) 0.1, 0.9", "( yes ) 0x1, 0.9", "line 10: expected a probability, found '0x1'"),
        ("    ( no ) 0.01, 0.99;\n", "", "line 9: the table of lung lacks a combination"),
        ("probability ( smoke )", "probability ( lung )", "line 14: variable lung has two"),
        ("table 0.5, 0.5 ;\n}", "table 0.5, 0.5 ;", "the text ends where"),
        ("table 0.5, 0.5", "table 0.5, 0.3, 0.2", "line 15: the table of smoke needs 2 numbers"),
        ("variable lung", "variable ; lung", "line 3: expected a variable's name, found ';'"),
        ("network unknown", 'network "unknown', "line 1: cannot read"),
    ],
)
def test_mistakes_are_told_by_line(old: str, new: str, words: str) -> None:
    assert old in PGMPY
    with pytest.raises(DataError, match=words):
        read_bif(PGMPY.replace(old, new, 1))


def test_circles_and_empty_texts_are_told() -> None:
    circle = PGMPY.replace(
        "( smoke ) {\n    table 0.5, 0.5 ;", "( smoke | lung ) {\n ( yes ) 0.5, 0.5; ( no ) 0.5, 0.5;"
    )
    with pytest.raises(DataError, match="circle"):
        read_bif(circle)
    for text in ("", "network x { }", "// nothing"):
        with pytest.raises(DataError, match="no variable"):
            read_bif(text)
    with pytest.raises(DataError, match="no probability block"):
        read_bif(PGMPY[: PGMPY.index("probability ( smoke")])


def test_a_table_too_large_for_memory_is_refused_before_it_is_built() -> None:
    names = [f"v{k}" for k in range(60)]
    blocks = [f"variable {n} {{ type discrete [ 2 ] {{ a, b }}; }}" for n in names]
    blocks += [f"probability ( {n} ) {{ table 0.5, 0.5; }}" for n in names[1:]]
    blocks += [f"probability ( v0 | {', '.join(names[1:])} ) {{ default 0.5, 0.5; }}"]
    with pytest.raises(DataError, match=r"line 120: the table of v0 has .* entries"):
        read_bif("\n".join(blocks))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, 12), st.text('{}()[],;|"\\/*0.1ae \n', max_size=6))
def test_damaged_texts_are_read_or_refused(at: int, n: int, put: str) -> None:
    try:
        found = read_bif(SMALL[:at] + put + SMALL[at + n :])
    except DataError:
        return
    assert all(np.allclose(t.sum(-1), 1) for t in found.network.tables)
