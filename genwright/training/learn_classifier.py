"""The door through which every classifier learns: in one go, by steps, or by the generative models inside it."""

from dataclasses import replace
from typing import Protocol, cast, runtime_checkable

from genwright.core.classifier import Classifier, MatrixClassifier
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.model import HasLoss, Model, Progress
from genwright.core.registry import CLASSIFIERS
from genwright.training.learn import learn
from genwright.training.plan import Outcome, Plan
from genwright.training.settings import divided

NOTHING_KEPT = "nothing to resume: only networks keep their training, such as mlp and convnet"


@runtime_checkable
class HasModels(Protocol):
    """A classifier that is made of generative models."""

    def models(self, data: Dataset) -> list[tuple[Model, Dataset]]:
        """Its models, untrained, with the rows that each is to learn from."""
        ...


def learn_classifier(classifier: Classifier, data: Dataset, plan: Plan, progress: Progress) -> Outcome:
    """Learns from all rows.

    Args:
        classifier: Bound.
        data: Rows whose class is known.
        plan: Of families that learn by steps.
        progress: Called with (fraction done, a line).

    Raises:
        FitError: nothing can be learnt from these rows, or the training failed; says why.
        ConfigError: steps for a family that takes none, or a family that keeps no training is to go on with it.
    """
    if isinstance(classifier, HasLoss):
        return learn(cast(Model, classifier), data, plan, progress)
    if plan.resume:
        raise ConfigError(f"{CLASSIFIERS.name_of(type(classifier))} has {NOTHING_KEPT}; fit it without resume")
    if isinstance(classifier, HasModels):
        parts = classifier.models(data)
        outcomes = [learn(model, rows, _own(model, plan), progress) for model, rows in parts]
        if len(outcomes) == 1:
            return outcomes[0]
        notes = [note for outcome in outcomes for note in outcome.notes]
        return Outcome([line for o in outcomes for line in o.log], notes, sum(o.n_steps for o in outcomes))
    if not isinstance(classifier, MatrixClassifier):
        raise UnsupportedError(f"{type(classifier).__name__} has no way of learning")
    if plan.budget.steps is not None:
        what = f"{CLASSIFIERS.name_of(type(classifier))} learns in one go: there are no steps"
        raise ConfigError(f"{what}; leave them out, or name a family of networks, such as mlp")
    classifier.fit_rows(data, plan.seed, progress)
    return Outcome()


def _own(model: Model, plan: Plan) -> Plan:
    """The plan with the settings of the loop that suit the model's family."""
    return replace(plan, config=divided(type(model), {})[1]) if isinstance(model, HasLoss) else plan
