"""Make a run of a Hugging Face folder on this disk: a text model in GPT-2's or Llama's layout, with its tokenizer.

Then it is sampled, judged and shown as any other run. Weights are read from .safetensors files only, because others can
hold programs; nothing is fetched from a hub.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_folder, stem

RUNS = Path("runs")


def command(
    screen: Screen,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with config.json, model.safetensors and tokenizer.json.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run; runs/NAME without it.")
    ] = None,
    max_length: Annotated[
        int, typer.Option(metavar="N", help="Longest text in tokens; 0: what the model reads, at most 1024.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is there.")] = False,
) -> dict[str, Any]:
    """Writes the run and says where it is."""
    from genwright.runs.folder import check_target
    from genwright.runs.hugging_face.arrive import from_hugging_face

    place = check_target(out or free_folder(RUNS, stem(str(folder))), overwrite=overwrite)
    run = from_hugging_face(folder, max_length=max_length, seed=seed)
    run.save(place, overwrite=overwrite)
    about = run.model.describe()
    screen.result(str(place))
    screen.more(f"genwright sample {place} -n 10")
    return {"run": str(place), "folder": str(folder), "model": run.artefact.model_name, "about": about}
