"""How well each class is found, and which classes are taken for which.

    F1_k = 2 TP_k / (n_k + m_k),   macro F1 = mean_k F1_k

with n_k rows of class k, m_k rows that are called k, and TP_k both (van Rijsbergen, 1979, chapter 7,
http://www.dcs.gla.ac.uk/Keith/Preface.html). The mean is over classes that occur among the true or the called ones; a
rare class counts as much as a frequent one. `details["confusion"]` counts rows by true class (down) and called class
(across), a last row being classes never seen in the fit.
"""

from typing import Any

import numpy as np

from genwright.core.predictions import MetricJudge, Predictions

MOST = 50  # classes of which every pair is counted


class MacroF1(MetricJudge):
    """F1 of each class, averaged, with the confusion matrix of a classifier's predictions."""

    name, unit, direction = "macro_f1", "F1", "higher"
    meaning = "The balance of finding a class's rows and of being right when naming it, averaged over the classes."
    source = "van Rijsbergen (1979): http://www.dcs.gla.ac.uk/Keith/Preface.html"

    def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
        """As `Metric.values`."""
        called = p.argmax(1)
        codes = np.union1d(y, called)
        own = (y[:, None] == codes).astype(float)  # (B, classes there)
        named = (called[:, None] == codes).astype(float)
        found, either = W @ (own * named), W @ (own + named)  # (R, classes there)
        f1 = np.divide(2 * found, either, out=np.zeros_like(found), where=either > 0)
        return f1.sum(1) / (either > 0).sum(1)

    def details(self, rows: Predictions) -> dict[str, Any]:
        """Counts of true and called classes; of many classes, the pairs that are confused most."""
        K = rows.p.shape[1]
        counts = confusion(rows)
        if K <= MOST:
            return {"classes": [rows.name_of(k) for k in range(K)], "confusion": counts.tolist()}
        off = counts[:K] - np.diag(counts.diagonal())
        worst = [divmod(int(i), K) for i in np.argsort(-off, axis=None, kind="stable")[:MOST]]
        return {"confused": [[rows.name_of(a), rows.name_of(b), int(off[a, b])] for a, b in worst if off[a, b]]}


def confusion(rows: Predictions) -> np.ndarray:
    """Rows of true class (down) that are called a class (across): (K, K), or (K + 1, K) with classes never seen."""
    K = rows.p.shape[1]
    true = np.where(rows.y < 0, K, rows.y)
    counts = np.bincount(true * K + rows.p.argmax(1), minlength=K * K).astype(int)
    return np.pad(counts, (0, -len(counts) % K)).reshape(-1, K)
