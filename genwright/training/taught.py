"""Models and classifiers taught in one call each, for recipes that teach many of them on parts of the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genwright.core.classifier import Classifier
from genwright.core.dataset import Dataset
from genwright.core.model import HasLoss, Model
from genwright.core.registry import CLASSIFIERS, MODELS
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.learn import learn
from genwright.training.learn_classifier import learn_classifier
from genwright.training.plan import Outcome, Plan
from genwright.training.settings import divided

ALL_LEARNT: Mapping[str, Any] = {"n_validation": 0}
FEW_ROWS = 1_000  # of which a tenth, set aside, cannot say when a generator's training should end


@dataclass
class Teacher:
    """Teaches families by their names; networks of one family all take the same number of steps.

    Args:
        budget: Of one training. Minutes are turned into steps by the first training of a family; if the clock cuts
            that off, it is done again with the steps that it came to, so that it is like those behind it.
        steps: Family → the steps of its trainings.
    """

    budget: Budget = field(default_factory=Budget)
    steps: dict[str, int] = field(default_factory=dict)

    def model(self, name: str, data: Dataset, seed: int) -> Model:
        """A generative family, taught all rows.

        Raises:
            UnsupportedError: it cannot model a column.
            FitError: nothing can be learnt from these rows.
        """
        family: type[Model] = MODELS.get(name)
        is_network = issubclass(family, HasLoss)
        config, training = self._settings(family, data, ALL_LEARNT if is_network and len(data) < FEW_ROWS else {})
        model = family(data.space, config)
        outcome = learn(model, data, Plan(training, self._budget(name, is_network), seed), _silent)
        return self.model(name, data, seed) if self._is_to_repeat(name, outcome) else model

    def classifier(self, name: str, data: Dataset, target: str, seed: int) -> Classifier:
        """A classifier, taught all rows: none is set aside, as drawn ones would be among them.

        Raises:
            UnsupportedError: it cannot read a column.
            FitError: nothing can be learnt from these rows.
        """
        family: type[Classifier] = CLASSIFIERS.get(name)
        is_network = issubclass(family, HasLoss)
        config, training = self._settings(family, data, ALL_LEARNT if is_network else {})
        classifier = family(config).bind(data.space, target)
        outcome = learn_classifier(classifier, data, Plan(training, self._budget(name, is_network), seed), _silent)
        return self.classifier(name, data, target, seed) if self._is_to_repeat(name, outcome) else classifier

    def _settings(self, family: type[Any], data: Dataset, settings: Mapping[str, Any]) -> tuple[Any, TrainingConfig]:
        """Of a family and of its training, suited to the rows."""
        config, training = divided(family, settings)
        if HasLoss not in family.__mro__:
            return config, training
        chosen, more = family.suited(config, data, self.budget.minutes)
        return chosen, divided(family, settings, more)[1]

    def _budget(self, name: str, is_network: bool) -> Budget:
        if not is_network:
            return Budget()
        return Budget(steps=self.steps[name]) if name in self.steps else self.budget

    def _is_to_repeat(self, name: str, outcome: Outcome) -> bool:
        """Whether the first training of a family was cut off by the clock; keeps the steps for those behind it."""
        if name in self.steps or not outcome.n_planned:
            return False
        is_cut = outcome.cut_by == "clock"
        self.steps[name] = outcome.n_steps if is_cut else outcome.n_planned
        return is_cut


def _silent(done: float, line: str) -> None:
    """The progress of one training among many."""
