"""The contract of every generative family: a distribution over the rows of a space.

A family is one file in `models/` with one final class. It derives from `Model`, from exactly one way of learning
(`HasSolution` for closed form or EM, `HasLoss` for gradient steps), and from the small extra contracts that are true
of it. Shapes: B rows in a batch; a batch maps column names to tensors (B, *event_shape).
"""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from genwright.core.codec import NoConfig
from genwright.core.dataset import Dataset
from genwright.core.decoding import Decoding
from genwright.core.errors import UnsupportedError
from genwright.core.registry import MODELS
from genwright.core.space import Batch, Category, Real, Space, Tokens, Vectors

if TYPE_CHECKING:
    import torch

Progress = Callable[[float, str], None]  # (fraction done, one line about it)


class Model(abc.ABC):
    """A distribution p(row) over the rows of a space.

    Args:
        space: What a row looks like.
        config: The family's own frozen dataclass.
    """

    Config: ClassVar[type] = NoConfig
    supports: ClassVar[tuple[type, ...]] = (Real, Category, Tokens, Vectors)  # supports of the fields it can model
    takes_shapes: ClassVar[bool] = False  # models columns whose rows are arrays, such as pixels
    holds_rows: ClassVar[bool] = False  # what is saved holds training data, encoded: the card warns of it
    is_rowwise: ClassVar[bool] = False  # the first rows of a chunk are the same when only they are asked for
    reads_series: ClassVar[bool] = False  # a table of numbers is steps of sequences; Config has `group` and `window`
    completes: ClassVar[bool] = False  # `given` sequences may have open places, which it draws
    chunk: ClassVar[int] = 4096  # rows drawn at a time; part of what makes row i a function of (run, seed, i)

    def __init__(self, space: Space, config: Any = None):
        self.space = space
        self.config = self.Config() if config is None else config
        for name, f in space.items():
            if not isinstance(f.support, self.supports):
                kind = type(f.support).__name__.lower()
                raise UnsupportedError(f"{MODELS.name_of(type(self))} cannot model column {name!r} ({kind})")
            if f.event_shape and not self.takes_shapes:
                what = f"column {name!r}, an array of {' × '.join(map(str, f.event_shape))}"
                raise UnsupportedError(f"{MODELS.name_of(type(self))} cannot model {what}")

    @abc.abstractmethod
    def sample(self, n: int, given: Batch, generator: "torch.Generator", temperature: float = 1.0) -> Batch:
        """n draws.

        Args:
            n: Number of rows.
            given: Columns fixed to a value a row, each (n, *event_shape); only columns for which `conditions_exactly`
                holds. They come back unchanged, but for open places of sequences where the model `completes` them.
            generator: All randomness comes from it, the same amount whatever is drawn.
            temperature: Below 1 likelier rows, above 1 less likely ones; 1 is the distribution itself.
        """

    @abc.abstractmethod
    def state(self) -> "dict[str, torch.Tensor]":
        """Everything learnt, as named tensors."""

    @abc.abstractmethod
    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `state`; afterwards the model draws the same rows bit for bit."""

    def describe(self) -> dict[str, Any]:
        """What a reader of the model card wants to know, as plain JSON values."""
        return {}


class HasSolution(abc.ABC):
    """Learns in closed form, by counting, by growing trees or by EM."""

    notes: "Sequence[str]" = ()  # what the reader of a fit should know, in sentences

    @abc.abstractmethod
    def solve(self, data: Dataset, generator: "torch.Generator", progress: Progress) -> None:
        """Learns from all rows.

        Raises:
            FitError: nothing can be learnt from these rows; says why.
        """


class HasLoss(abc.ABC):
    """Learns by gradient steps, driven by `training/`.

    A family builds its networks in `net` from its space and configuration alone, untrained; `start` gives them their
    first weights. `Model.state` and `load_state` are those of `net`.
    """

    phases: ClassVar[tuple[str, ...]] = ("model",)  # adversarial families: ("discriminator", "generator")
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)  # of Adam; adversarial families want less momentum
    training: ClassVar[Mapping[str, Any]] = {}  # settings of the loop that suit the family better than its defaults
    usual_minutes: ClassVar[float | None] = None  # of a training where neither minutes nor steps are said
    net: "torch.nn.Module"

    @classmethod
    def suited(cls, config: Any, data: Dataset, minutes: float | None) -> tuple[Any, Mapping[str, Any]]:
        """Settings for these rows and this time, where they are left open: the family's, and more of the loop's.

        Args:
            config: The family's configuration as asked for.
            data: Rows to learn from.
            minutes: How long training may take; None: not said.
        """
        return config, {}

    @abc.abstractmethod
    def start(self, generator: "torch.Generator") -> None:
        """First weights, all from the generator."""

    def look(self, data: Dataset) -> None:  # noqa: B027  # most families have nothing to do
        """Told of all rows before the first step, for what is learnt by counting."""

    @abc.abstractmethod
    def loss(self, rows: Batch, generator: "torch.Generator", phase: str = "model") -> "torch.Tensor":
        """Loss per row (B,), minimised.

        Args:
            rows: What `prepare` made of a batch.
            generator: All randomness comes from it.
            phase: Which of the family's losses.
        """

    def prepare(self, batch: Batch) -> Batch:
        """Encoded rows as the networks read them, worked out once and not at every step; still one entry a row."""
        return batch

    def parameters(self, phase: str) -> "list[torch.nn.Parameter]":
        """What a step of a phase changes."""
        return list(self.net.parameters())

    def matrices(self, phase: str) -> "list[torch.nn.Parameter]":
        """Those of a phase's parameters that Muon may step: hidden weights, neither embeddings nor heads."""
        return []

    def rate(self, phase: str) -> float:
        """Learning rate of a phase's steps, as a multiple of the training's."""
        return 1.0

    def anneal(self, done: float) -> None:  # noqa: B027  # most families have nothing to do
        """Told before each step which share of the training is done; for weights that change on the way."""

    def stepped(self) -> None:  # noqa: B027  # most families have nothing to do
        """Told after each step, in every process, for what is learnt beside the gradients."""

    def monitor(self, rows: Batch, generator: "torch.Generator") -> dict[str, float]:
        """Numbers that tell whether the training goes well, from prepared rows; see `training/monitors`."""
        return {}


class HasStages(abc.ABC):
    """Learns twice: its own networks by gradient steps, then a model of another family from what they make of rows.

    Both share the budget. `Model.state` holds what both learnt; `net` is that of the first stage alone.
    """

    second: "Model"  # what learns when the networks have

    @property
    @abc.abstractmethod
    def second_settings(self) -> Mapping[str, Any]:
        """Settings of the second model's training, where it has one."""

    @property
    @abc.abstractmethod
    def second_share(self) -> float:
        """Part of the steps, or of the minutes, that is the second model's."""

    @abc.abstractmethod
    def second_rows(self, data: Dataset) -> Dataset:
        """What the second model learns from."""

    @abc.abstractmethod
    def second_took(self, share: float) -> None:
        """Told which part of all steps was planned for it, so that a fit with its settings repeats this one."""


class Autoregressive(abc.ABC):
    """Draws sequences of tokens one after the other, under the settings of a `Decoding`."""

    looks_back: int | None = None  # tokens that attention reaches back; None: all, or as many as matter

    @abc.abstractmethod
    def decode_rows(
        self,
        n: int,
        given: Batch,
        generator: "torch.Generator",
        decoding: Decoding,
        texts: "Mapping[str, Vocabulary] | None" = None,
        told: "Callable[[int, str, torch.Tensor], bool] | None" = None,
    ) -> Batch:
        """n draws, as `Model.sample`.

        Args:
            n: Number of rows.
            given: As in `Model.sample`; sequences may have open places behind a given beginning, and where they run on
                more places than those of the fit: the rows that come back are as long.
            generator: All randomness comes from it.
            decoding: Its settings.
            texts: Column → what its tokens spell, where settings speak of texts.
            told: Called after each token with (place, column, tokens (n,)); drawing ends early where it answers True.
        """


class Vocabulary(Protocol):
    """What the tokens of a column spell; a text's codec is one."""

    def pieces(self) -> list[str]:
        """The text that each code stands for (V,); empty for codes that spell nothing, such as the end."""
        ...

    def to_text(self, codes: "list[int]") -> str:
        """The text of a sequence of codes."""
        ...

    def never(self) -> "list[int]":
        """Codes that stood nowhere in what it was fitted on, which draws keep from."""
        ...


class HasLogProb(abc.ABC):
    """Knows p(row) exactly."""

    @abc.abstractmethod
    def log_prob(self, batch: Batch) -> "torch.Tensor":
        """Exact log probability of each row (B,) in nats.

        Categories, atoms and missing values have probability mass, continuous values density in their own units; a
        column with a `step` has mass on its multiples.
        """


class HasBound(abc.ABC):
    """Knows a lower bound of log p(row)."""

    bound_name: ClassVar[str]  # e.g. "elbo"
    bounds_rows: bool = True  # no: `bound` speaks of changed rows, such as binary pictures; judges do not ask it then

    @abc.abstractmethod
    def bound(self, batch: Batch, generator: "torch.Generator") -> "torch.Tensor":
        """Lower bound of log p for each row (B,) in nats; same conventions as `HasLogProb.log_prob`."""


class HasLatent(abc.ABC):
    """Has a latent space."""

    @abc.abstractmethod
    def encode(self, batch: Batch) -> "torch.Tensor":
        """Rows → latents (B, K)."""

    @abc.abstractmethod
    def decode(self, latents: "torch.Tensor", generator: "torch.Generator") -> Batch:
        """Latents (B, K) → rows."""


class Conditions(abc.ABC):
    """Can fix some columns when sampling. For the rest the pipeline resamples, or refuses with a reason."""

    @abc.abstractmethod
    def conditions_exactly(self, columns: list[str]) -> bool:
        """Whether `sample(given=…)` draws exactly from p(rest | these columns)."""

    @property
    def proposes(self) -> bool:
        """Whether `propose` does what it says; families that do not weigh proposals leave it as it is."""
        return type(self).propose is not Conditions.propose

    def propose(
        self, n: int, given: Batch, generator: "torch.Generator", known: "Mapping[str, torch.Tensor] | None" = None
    ) -> "tuple[Batch, torch.Tensor]":
        """n draws with *any* columns fixed, and their log weights (n,) in nats.

        Rows come from a proposal q with the given cells in place; weight = p(row) / q(row), so that picking among
        several proposals in proportion to their weights approaches p(rest | given).

        Args:
            n: Number of rows.
            given: Fixed columns, each (n, *event_shape).
            generator: All randomness comes from it.
            known: Column → which rows (n,) fix it; a column that is absent is fixed in no row. None: the columns of
                `given`, in every row. With it, weights may be unbiased estimates, and they may lack a factor that is
                equal for rows with equal known cells: enough for picking, and cheaper.
        """
        raise UnsupportedError(
            f"{MODELS.name_of(type(self))} cannot weigh proposals, and so cannot draw around known cells; "
            "fit another family for that, for example trees or bayes_net for tables"
        )
