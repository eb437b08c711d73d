"""Draw the network of a bayes_net run: which column depends on which.

The file's ending says what it becomes: .svg a picture (edges are as wide as what they tell, in bits), .dot a graph for
Graphviz, .bif the whole network with its tables, for other tools.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_file, require

if TYPE_CHECKING:
    from genwright.runs.run import Run

ENDINGS = (".svg", ".dot", ".bif")


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a bayes_net run.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .svg, .dot or .bif.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Writes the file and says where it is."""
    from genwright.core.errors import RunError, UnsupportedError
    from genwright.core.files import replace_file
    from genwright.models.bayes_net import BayesNet
    from genwright.pipeline import load

    ending = out.suffix.lower()
    require(ending in ENDINGS, f"-o {out}: expected a file that ends in {', '.join(ENDINGS)}")
    place = free_file(out, overwrite)
    fitted = load(run)
    if not isinstance(fitted.model, BayesNet):
        name = fitted.artefact.model_name
        raise UnsupportedError(f"a run of {name} has no network to draw; genwright fit --model bayes_net has one")
    text = _written(fitted, ending)
    try:
        replace_file(place, text.encode("utf-8", "replace"))
    except OSError as error:
        raise RunError(f"cannot write {place}: {error.strerror}; name another file with -o") from None
    screen.result(str(place))
    return {"run": str(run), "drawing": str(place), "edges": [list(edge) for edge in fitted.model.edges]}


def _written(run: "Run", ending: str) -> str:
    """The network as a file of this ending."""
    from genwright.report.network_graph import NetworkGraph, standalone, to_dot
    from genwright.runs.code_words import code_words

    model: Any = run.model
    if ending == ".bif":
        codec = run.artefact.codec
        columns = zip(model.names, model.columns, strict=True)
        return model.to_bif({name: code_words(codec, name, codes) for name, codes in columns})
    graph = NetworkGraph.of(model)
    return to_dot(graph) if ending == ".dot" else standalone(graph, f"Network of {run.artefact.facts.get('data', run)}")
