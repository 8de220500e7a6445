"""What the gates that read the charter would say of a package under another one, on the test part that was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.metrics import slice_columns
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth, columns_of
from loopline.model import policy as policies
from loopline.model.candidates import Judge
from loopline.model.evidence import Kept
from loopline.model.predictor import Predictor, Scores, for_judging
from loopline.release.acceptance import asked_for
from loopline.release.check import require_known
from loopline.release.evidence import Evidence, Spent, Verdict
from loopline.release.gates import acceptance, beats_baseline
from loopline.release.spec import ReleaseSpec
from loopline.release.spending import budget, where_to_run


@dataclass(frozen=True, eq=False)
class Bench:
    """A package beside the rows that it was tested on.

    Parameters
    ----------
    recorded
        The facts of the gates that have judged it.
    has_rule
        Whether the team's present rule, or the season before, is declared as what must be beaten: what it earns at other prices is not kept.
    spent
        What making it took; None where that is not at hand.
    book
        The price book; None where there is none.
    """

    predictor: Predictor
    kept: Kept
    scores: Scores
    limits: ReleaseSpec
    recorded: Mapping[str, Any]
    has_rule: bool
    spent: Mapping[str, Any] | None = None
    book: Prices | None = None

    @classmethod
    def of(cls, predictor: Predictor, parquet: bytes, charters: Sequence[CharterSpec], **more: Any) -> Bench:
        """The package with its test part, scored once for every charter that is asked."""
        reads = frozenset().union(
            *(columns_of(charter.worth) | slice_columns(charter.acceptance) for charter in charters), policies.columns_of(predictor.policy)
        )
        kept = Kept.of(parquet, predictor.task, reads)
        return cls(predictor=predictor, kept=kept, scores=kept.scores(predictor), **more)


def verdicts(bench: Bench, charter: CharterSpec, *, is_trained: bool) -> dict[str, Verdict]:
    """The verdicts of the gates that a charter decides, by their names; a gate that cannot be told is left out.

    Parameters
    ----------
    is_trained
        Whether the package was made at the prices of this charter: then the money without a model is known row by row. At other prices it is that of the
        one decision for all that earns most on these very rows, which is a little more than anybody could have known.

    Raises
    ------
    Mistake
        When a criterion names a metric or a column that is not there.
    """
    predictor, kept = bench.predictor, bench.kept
    for criterion in charter.acceptance:
        require_known(criterion, predictor.task, kept.frame.columns)
    judge = Judge(predictor.task, predictor.classes, Worth.of(charter.worth, predictor.task))
    judged = judge.judged(kept.part, for_judging(bench.scores), predictor.policy)
    unaided = kept.unaided if is_trained else None if bench.has_rule else judge.without_model(kept.part, kept.part)[0]
    names = frozenset().union(*(criterion.names for criterion in charter.acceptance))
    evidence = _evidence(bench, charter, judged.money, judged.money if unaided is None else unaided, asked_for(judged, names))
    gates = [*([] if unaided is None else [beats_baseline]), *map(acceptance, charter.acceptance)]
    gates += [budget, where_to_run] if bench.spent is not None else []
    return {verdict.name: verdict for verdict in (gate(evidence) for gate in gates)}


def _evidence(bench: Bench, charter: CharterSpec, earned: NDArray[np.float64], unaided: NDArray[np.float64], asked: Mapping[str, Any]) -> Evidence:
    spent = Spent(
        **(bench.spent or {}),
        book=bench.book or Prices(),
        decisions_per_year=None if charter.volume is None else charter.volume.per_year,
        build=charter.budget.build,
        run_per_year=None if charter.budget.run is None else charter.budget.run.per_year,
    )
    return Evidence(
        package=bench.predictor.package,
        limits=bench.limits,
        currency=charter.worth.currency,
        read=0,
        refused=0,
        earned=earned,
        unaided=unaided,
        blocks=bench.kept.blocks,
        latency_ms=np.array([bench.recorded.get("answer_ms", 0.0)]),
        memory_mb=0.0,
        parity={},
        spent=spent,
        **asked,
    )
