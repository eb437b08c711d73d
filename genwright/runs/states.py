"""What the states of a run's hidden Markov model are called, and sequences of any length as it reads them."""

import pyarrow as pa

from genwright.core.errors import UnsupportedError
from genwright.core.space import Batch
from genwright.models.hmm import HMM
from genwright.runs.run import Run


def hmm_of(run: Run) -> HMM:
    """The model of a run, if it has states.

    Raises:
        UnsupportedError: it is of another family.
    """
    if not isinstance(run.model, HMM):
        name = run.artefact.model_name
        raise UnsupportedError(f"{name} has no states; fit the data with --model hmm (model='hmm') to have some")
    return run.model


def state_names(run: Run) -> list[str]:
    """What the states are called: their tags, or their numbers."""
    model = hmm_of(run)
    if not model.tags:
        return [str(k) for k in range(model.n_states)]
    words = run.artefact.codec.codecs[model.tags].words()  # type: ignore[attr-defined]
    return [words[code] for code in model.tag_codes]


def encoded(run: Run, table: pa.Table) -> Batch:
    """Columns of sequences as tensors, none of them cut."""
    found = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        codec = run.artefact.codec.codecs[name]
        found[name] = codec.encode_whole(column)  # type: ignore[attr-defined]
    return found
