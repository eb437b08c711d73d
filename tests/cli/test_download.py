"""`genwright download`: a set comes, or it is said why not."""

from pathlib import Path

from tests.cli.conftest import call
from tests.data.test_known_sets import Server, nowhere, server

__all__ = ["nowhere", "server"]


def test_a_set_comes_and_is_found_by_its_name(server: Server, nowhere: Path) -> None:
    ended = call("download", "mnist")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[0] == str(nowhere / "cache/genwright/mnist")
    assert "next: genwright fit mnist" in ended.out
    ended = call("show", "mnist", "--json")
    assert ended.document["n_rows"] == 50
    elsewhere = call("download", "mnist", "--folder", nowhere / "x", "--json").document
    assert elsewhere == {"name": "mnist", "folder": str(nowhere / "x")}


def test_what_cannot_come_is_told(server: Server, nowhere: Path) -> None:
    ended = call("download", "mnits")
    assert (ended.code, "did you mean mnist" in ended.err) == (2, True)
    server.files.clear()
    ended = call("download", "mnist")
    assert (ended.code, "the server answers 404" in ended.err) == (2, True)
