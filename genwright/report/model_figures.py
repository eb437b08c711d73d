"""What can be drawn of a fitted model itself: its network, states, training, latent space."""

from dataclasses import dataclass
from typing import Any

from genwright.core.model import HasLatent
from genwright.core.rng import numpy_generator
from genwright.core.space import Category
from genwright.models.bayes_net import BayesNet
from genwright.models.flow_matching import FlowMatching
from genwright.models.hmm import HMM
from genwright.nn.networks.codes import CategoryCodes
from genwright.nn.picture_view import pictures
from genwright.report import latent_map, network_graph, training_curve
from genwright.report.latent_map import LatentMap
from genwright.report.network_graph import NetworkGraph
from genwright.report.state_diagram import StateDiagram
from genwright.report.training_curve import Curve
from genwright.report.words import shorten
from genwright.runs.code_words import code_words
from genwright.runs.run import Run

MOST_CODES = 20  # of a category that marks rows, where there is a choice


@dataclass(frozen=True)
class ModelFigures:
    """Figures of a model.

    Args:
        network: Of a Bayesian network.
        states: Of a hidden Markov model.
        curve: Of a training by steps.
        latents: Of a model with a latent space, where rows are at hand.
    """

    network: NetworkGraph | None = None
    states: StateDiagram | None = None
    curve: Curve | None = None
    latents: LatentMap | None = None

    @classmethod
    def of(cls, run: Run) -> "ModelFigures":
        """A run's; it has read the rows of the fit, if it can."""
        network = NetworkGraph.of(run.model) if isinstance(run.model, BayesNet) else None
        states = StateDiagram.of(run, run.model) if isinstance(run.model, HMM) else None
        return cls(network, states, training_curve.from_log(run.artefact.log), _latents(run))

    def view(self) -> dict[str, Any]:
        """Drawings for the page; None for what there is not."""
        curve, latents = self.curve, self.latents
        return {
            "network": network_graph.draw(self.network) if self.network else None,
            "states": self.states.view() if self.states else None,
            "curve": training_curve.draw(curve) if curve else None,
            "has_held_out": curve is not None and curve.has_held_out,
            "latents": latent_map.draw(latents) if latents else None,
            "legend": latent_map.legend(latents) if latents else [],
            "marked_by": shorten(latents.column, 60) if latents and latents.column else "",
        }


NO_FIGURES = ModelFigures()


def _latents(run: Run) -> LatentMap | None:
    data = run.train if run.train is not None and len(run.train) else run.held_out
    if not isinstance(run.model, HasLatent) or data is None or not len(data) or _is_noise(run):
        return None
    rows = data.sample_rows(latent_map.MAX_ROWS, numpy_generator(run.artefact.seed, "latents"))
    latents = run.model.encode(rows).detach().cpu().numpy()
    name = _marking(run)
    if not name:
        return latent_map.latent_map(latents)
    codec = run.artefact.codec
    words = code_words(codec, name, CategoryCodes(codec.space[name].support))  # type: ignore[arg-type]
    return latent_map.latent_map(latents, name, [words[code] for code in rows[name].tolist()])


def _is_noise(run: Run) -> bool:
    """Whether latents are as many normal numbers as there are pixels, of which no two directions tell anything."""
    return isinstance(run.model, FlowMatching) and bool(pictures(run.model.space))


def _marking(run: Run) -> str:
    """The first category with few values, or the first one at all."""
    supports = {name: f.support for name, f in run.artefact.codec.space.items()}
    sizes = {name: s.n for name, s in supports.items() if isinstance(s, Category) and s.n > 1}
    return next((name for name, n in sizes.items() if n <= MOST_CODES), next(iter(sizes), ""))
