"""Write a run in another tool's layout: a gpt of texts as a Hugging Face folder.

The folder holds config.json, model.safetensors, generation_config.json and the tokenizer, in Llama's or GPT-2's layout,
whichever the run's settings are; `transformers` loads it with equal logits. `genwright adopt` is the way back.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.core.errors import UnknownNameError

LAYOUTS = ("hugging_face",)


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a gpt run over one text.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write; folders above it are made.")],
    layout: Annotated[
        str, typer.Option("--as", metavar="LAYOUT", help="What to write: hugging_face.", autocompletion=lambda: LAYOUTS)
    ] = "hugging_face",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the exported model that is there; other files stay.")
    ] = False,
) -> dict[str, Any]:
    """Writes the folder and says where it is."""
    if layout not in LAYOUTS:
        raise UnknownNameError(layout, LAYOUTS, "the layouts of genwright export --as")
    from genwright.pipeline import load
    from genwright.runs import strict_json
    from genwright.runs.hugging_face.leave import export

    place = export(load(run), folder, overwrite=overwrite)
    document = strict_json.loads((place / "config.json").read_bytes())
    screen.result(str(place))
    return {
        "run": str(run),
        "folder": str(place),
        "as": layout,
        "architecture": document["architectures"][0],
        "vocab_size": document["vocab_size"],
        "files": sorted(path.name for path in place.iterdir()),
    }
