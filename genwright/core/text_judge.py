"""A judge of texts: it looks at columns of tokens that spell strings, and is silent where there are none."""

from genwright.core.judge import Evidence, Judge, Score
from genwright.core.space import Space
from genwright.core.texts import text_columns, token_fields


class TextJudge(Judge):
    """Base of the metrics that read texts."""

    looks_at = "texts"

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Columns of tokens; whether they are texts, the records tell."""
        return token_fields(space)

    def scores(self, evidence: Evidence) -> list[Score]:
        """The numbers of the draws; none where no column is a text."""
        return super().scores(evidence) if text_columns(evidence) else []
