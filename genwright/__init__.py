"""genwright: learn from your data, generate its likeness, prove it.

    import genwright as gw

    run = gw.fit("customers.csv")            # a path, a frame, an array or the name of a built-in set
    more = run.sample(1_000, given={"region": "north"})
    for score in run.scores:
        print(score.name, score.value, "floor", score.floor, "ceiling", score.ceiling)

Importing this package imports nothing heavy; names are resolved on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genwright.core.errors import GenwrightError as GenwrightError
    from genwright.core.schema import Column as Column
    from genwright.core.schema import Schema as Schema
    from genwright.data.cleaning import clean as clean
    from genwright.data.infer import infer as infer
    from genwright.data.read import read as read
    from genwright.pipeline import fit as fit
    from genwright.pipeline import load as load
    from genwright.recipes.augment import augment as augment
    from genwright.recipes.choose import Choice as Choice
    from genwright.recipes.choose import choose as choose
    from genwright.recipes.classify import classify as classify
    from genwright.recipes.compare import compare as compare
    from genwright.recipes.edit import edit as edit
    from genwright.recipes.filter import filtered as filtered
    from genwright.recipes.impute import impute as impute
    from genwright.recipes.inpaint import inpaint as inpaint
    from genwright.recipes.interpolate import interpolate as interpolate
    from genwright.recipes.query import query as query
    from genwright.recipes.reconstruct import reconstruct as reconstruct
    from genwright.recipes.traverse import traverse as traverse
    from genwright.report.build import build_report as build_report
    from genwright.runs.classifier_run import ClassifierRun as ClassifierRun
    from genwright.runs.hugging_face.arrive import from_hugging_face as from_hugging_face
    from genwright.runs.hugging_face.leave import export as export
    from genwright.runs.run import Run as Run

__version__ = "0.1.0"

_HOMES = {
    "fit": "genwright.pipeline",
    "load": "genwright.pipeline",
    "Run": "genwright.runs.run",
    "ClassifierRun": "genwright.runs.classifier_run",
    "Choice": "genwright.recipes.choose",
    "choose": "genwright.recipes.choose",
    "classify": "genwright.recipes.classify",
    "compare": "genwright.recipes.compare",
    "edit": "genwright.recipes.edit",
    "augment": "genwright.recipes.augment",
    "filtered": "genwright.recipes.filter",
    "impute": "genwright.recipes.impute",
    "inpaint": "genwright.recipes.inpaint",
    "interpolate": "genwright.recipes.interpolate",
    "query": "genwright.recipes.query",
    "reconstruct": "genwright.recipes.reconstruct",
    "traverse": "genwright.recipes.traverse",
    "build_report": "genwright.report.build",
    "export": "genwright.runs.hugging_face.leave",
    "from_hugging_face": "genwright.runs.hugging_face.arrive",
    "read": "genwright.data.read",
    "infer": "genwright.data.infer",
    "clean": "genwright.data.cleaning",
    "Schema": "genwright.core.schema",
    "Column": "genwright.core.schema",
    "GenwrightError": "genwright.core.errors",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'genwright' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
