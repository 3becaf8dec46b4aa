"""The ranker: trained in batch on resolved incidents, and used only where cross-validation says that it helps.

It holds one model for each system that it was trained in, its homes, which knows the names of that system; and one for
abroad, which knows no names. That one is tried by leaving out one whole system after the other, and so needs incidents
of at least two.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.findings import Evidence, SkippedMethod
from analysis.ranking.confidence import ConfidenceCurve, fit_curve
from analysis.ranking.gate import Comparison, compare
from analysis.ranking.model import Model, fit_model, fold_by_cause, try_out
from analysis.ranking.settings import RankerSettings
from analysis.ranking.sight import ResolvedIncident, Sight, look
from analysis.rootcause.fusion import Verdict
from analysis.rootcause.observation import Observation
from models.errors import InputError

NAME = "learnt ranking"
LEAST_FAMILIARITY = 0.5
"""Share of candidates that the ranker must know to be at home."""
OTHERS_SHARE = 0.9
"""Of what the first candidate leaves, this goes to the others; the rest to none of them."""

Stage = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A model with the proof of what it is worth.

    Parameters
    ----------
    model
        Trained on all incidents.
    comparison
        Cross-validated.
    curve
        Confidence, fitted out of fold.
    """

    model: Model
    comparison: Comparison
    curve: ConfidenceCurve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranker:
    """What was learnt from resolved incidents.

    Parameters
    ----------
    homes
        By system; one with fewer incidents than folds has none.
    abroad
        For other systems; None if the incidents are of one system only.
    settings
        Of the training.
    left_out
        Names of incidents whose true cause was no candidate.
    """

    homes: Mapping[str, Trial]
    abroad: Trial | None
    settings: RankerSettings
    left_out: tuple[str, ...] = ()

    @property
    def is_used(self) -> bool:
        """Whether any of its models has passed its trial."""
        trials = (*self.homes.values(), *(() if self.abroad is None else (self.abroad,)))
        return any(trial.comparison.is_used for trial in trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranking:
    """The candidates in the learnt order.

    Parameters
    ----------
    scores
        By candidate, in [0, 1], summing to 1.
    ranking
        Best first.
    likelihoods
        By candidate, in the order of the ranking, summing to at most 1; the first is the calibrated confidence.
    evidence
        By candidate: what past incidents say of it.
    """

    scores: Mapping[str, float]
    ranking: tuple[str, ...]
    likelihoods: dict[str, float]
    evidence: Mapping[str, Evidence]


def fit_ranker(
    incidents: Sequence[ResolvedIncident], settings: RankerSettings | None = None, progress: Stage | None = None
) -> Ranker:
    """Learn from resolved incidents and try out what was learnt.

    Parameters
    ----------
    incidents
        In any order.
    settings
        None takes the defaults.
    progress
        Called with what is done now and the fraction that is behind it.

    Returns
    -------
    Ranker
        The same for the same incidents; whether it is used is part of it.

    Raises
    ------
    InputError
        If there are fewer incidents with their cause among the candidates than folds, or a name occurs twice.
    """
    settings = settings or RankerSettings()
    ordered = sorted(incidents, key=lambda incident: incident.key)
    keys = {incident.key for incident in ordered}
    if len(keys) < len(ordered):
        raise InputError("resolved incidents share a name", remedy="give each incident once")
    usable = [each for each in ordered if set(each.causes) & set(each.sight.candidates)]
    if len(usable) < settings.folds:
        raise InputError(
            f"{len(usable)} resolved incidents name a cause among their candidates",
            remedy=f"give at least {settings.folds}, better {settings.fewest_incidents} or more",
        )
    tell = progress or (lambda _what, _fraction: None)
    systems = {name: [each for each in usable if each.system == name] for name in sorted({e.system for e in usable})}
    part = 0.5 if len(systems) > 1 else 1.0
    homes, done = {}, 0.0
    for name, own in systems.items():
        share = part * len(own) / len(usable)
        if len(own) >= settings.folds:
            folds = fold_by_cause(own, settings)
            homes[name] = _try(own, folds, settings, remembers=True, tell=_part(tell, name, done, share))
        done += share
    abroad = None
    if len(systems) > 1:
        folds = [list(systems).index(each.system) for each in usable]
        abroad = _try(usable, folds, settings, remembers=False, tell=_part(tell, "abroad", part, part))
    left_out = tuple(each.name for each in ordered if each not in usable)
    return Ranker(homes=homes, abroad=abroad, settings=settings, left_out=left_out)


def rerank(observation: Observation, verdict: Verdict, ranker: Ranker) -> Reranking | SkippedMethod:
    """Order the candidates of a situation by what was learnt.

    Parameters
    ----------
    observation
        The situation, prepared.
    verdict
        What the unlearnt diagnosis makes of it.
    ranker
        Trained.

    Returns
    -------
    Reranking or SkippedMethod
        Skipped, with the reason, where the ranker has not proved that it helps.
    """
    sight = look(observation, verdict)
    if not sight.candidates:
        return SkippedMethod(name=NAME, reason="There is no candidate.")
    trial = choose(ranker, sight)
    if isinstance(trial, SkippedMethod):
        return trial
    shares = trial.model.shares(sight)
    scores = dict(zip(sight.candidates, shares.tolist(), strict=True))
    ranking = trial.model.rank(sight, shares)
    return Reranking(
        scores=scores,
        ranking=ranking,
        likelihoods=_likelihoods(ranking, scores, trial.curve),
        evidence=_evidence(ranking, scores, sight, trial),
    )


def reorder(
    observation: Observation, verdict: Verdict, likelihoods: dict[str, float], ranker: Ranker
) -> tuple[Verdict, dict[str, float]]:
    """Put what was learnt in the place of the unlearnt order.

    Parameters
    ----------
    observation
        The situation, prepared.
    verdict
        What the unlearnt diagnosis makes of it.
    likelihoods
        Unlearnt, by candidate.
    ranker
        Trained.

    Returns
    -------
    Verdict
        With the learnt ranking, and second in the evidence of every candidate what was learnt; or as it was, with the
        ranker among what was skipped.
    dict of str to float
        The likelihoods that go with it.
    """
    made = rerank(observation, verdict, ranker)
    if isinstance(made, SkippedMethod):
        return replace(verdict, skipped=(*verdict.skipped, made)), likelihoods
    evidence = {}
    for name in sorted(made.evidence):
        seen = verdict.evidence.get(name, ())
        evidence[name] = (*seen[:1], made.evidence[name], *seen[1:])
    return replace(verdict, ranking=made.ranking, evidence=evidence), made.likelihoods


def choose(ranker: Ranker, sight: Sight) -> Trial | SkippedMethod:
    """Pick the model for a situation.

    Parameters
    ----------
    ranker
        Trained.
    sight
        Of the situation.

    Returns
    -------
    Trial or SkippedMethod
        That of the home that knows the largest share of the candidates, at least half of them, else the one for
        abroad; skipped if it has not passed its trial.
    """
    known = {name: _familiarity(home, sight) for name, home in sorted(ranker.homes.items())}
    nearest = max(known, key=lambda name: known[name], default="")
    trial = ranker.homes[nearest] if known.get(nearest, 0.0) >= LEAST_FAMILIARITY else ranker.abroad
    if trial is None:
        reason = "It was trained in another system only; train it with incidents of this one, or of several."
        return SkippedMethod(name=NAME, reason=reason)
    return trial if trial.comparison.is_used else SkippedMethod(name=NAME, reason=trial.comparison.reason)


def _familiarity(home: Trial, sight: Sight) -> float:
    return 0.0 if home.model.memory is None else home.model.memory.familiarity(sight.candidates)


def _try(
    incidents: Sequence[ResolvedIncident],
    folds: Sequence[int],
    settings: RankerSettings,
    *,
    remembers: bool,
    tell: Stage,
) -> Trial:
    """Cross-validate, then train on all."""
    parts = len(set(folds)) + 1
    outcomes = try_out(
        incidents,
        folds,
        settings,
        remembers=remembers,
        progress=lambda done, total: tell(f"fold {done} of {total}", done / parts),
    )
    model = fit_model(incidents, settings, remembers=remembers)
    tell("trained", 1.0)
    comparison = compare(outcomes, fewest=settings.fewest_incidents, seed=settings.seed)
    return Trial(model=model, comparison=comparison, curve=fit_curve(outcomes))


def _part(tell: Stage, name: str, start: float, share: float) -> Stage:
    return lambda what, fraction: tell(f"{name}, {what}", start + share * fraction)


def _likelihoods(ranking: tuple[str, ...], scores: Mapping[str, float], curve: ConfidenceCurve) -> dict[str, float]:
    """The calibrated confidence for the first, and most of the rest for the others by their scores."""
    first = curve.confidence(scores[ranking[0]])
    others = max(sum(scores[name] for name in ranking[1:]), 1e-12)
    left = OTHERS_SHARE * (1.0 - first)
    rest = {name: min(first, left * scores[name] / others) for name in ranking[1:]}
    return {ranking[0]: first} | rest


def _evidence(ranking: tuple[str, ...], scores: Mapping[str, float], sight: Sight, trial: Trial) -> dict[str, Evidence]:
    """What similar incidents say, and how far the ranker moved each candidate."""
    memory = trial.model.memory
    recalled = memory.recall(sight) if memory is not None else None
    found = {}
    for place, name in enumerate(ranking, start=1):
        before = sight.ranking.index(name) + 1
        same = recalled.counts.get(name, 0) if recalled is not None else 0
        similar = len(recalled.similar) if recalled is not None else 0
        past = f"{same or 'none'} of {similar} similar resolved incidents had this cause; " if similar else ""
        moved = f"place {place} after {trial.comparison.n} resolved incidents, {before} without them"
        found[name] = Evidence(
            collector=NAME,
            component=name,
            statement=f"{past}{moved}.",
            weight=scores[name],
            numbers={"similar_incidents": float(similar), "same_cause": float(same), "learnt_share": scores[name]},
        )
    return found
