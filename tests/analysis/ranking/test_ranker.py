"""The ranker learns what the past teaches, is not used where that is nothing, and comes back from disk as it was."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.findings import SkippedMethod
from analysis.pipeline import diagnose
from analysis.ranking.files import load_ranker, ranker_version, save_ranker
from analysis.ranking.memory import learn_memory
from analysis.ranking.model import fold_by_cause
from analysis.ranking.ranker import fit_ranker, rerank
from analysis.ranking.settings import RankerSettings
from analysis.rootcause.fusion import judge
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.situation import Situation
from models.errors import BundleError, InputError
from tests.analysis.builders import at
from tests.analysis.ranking.history import incident, mixed_up, past

SMALL = RankerSettings(trees=20)


@pytest.fixture(scope="module")
def history():
    """Forty-eight resolved incidents of one system."""
    return past(48)


@pytest.fixture(scope="module")
def ranker(history):
    """Trained on them."""
    return fit_ranker(history, SMALL)


def reranked(situation, ranker):
    """What the ranker makes of a situation."""
    observation = observe(situation)
    return rerank(observation, judge(observation, RootCauseSettings()), ranker)


def test_the_past_teaches_who_is_always_loud(ranker):
    """Unlearnt, the loud ones come first; learnt, the cause does, in incidents that were left out and in new ones."""
    found = ranker.homes["shop"].comparison
    assert found.is_used, found.reason
    assert found.before["AC@1"] < 0.2
    assert found.after["AC@1"] > 0.9
    situation, cause = incident(1001)
    assert diagnose(situation).ranking[0] != cause
    learnt = diagnose(situation, ranker=ranker)
    assert learnt.ranking[0] == learnt.most_likely_cause.component == cause
    assert sorted(learnt.ranking) == sorted(diagnose(situation).ranking)


def test_likelihoods_are_those_of_the_learnt_order(ranker):
    """They fall along the ranking, sum to at most 1, and the first is the confidence."""
    made = reranked(incident(1002)[0], ranker)
    values = list(made.likelihoods.values())
    assert list(made.likelihoods) == list(made.ranking)
    assert values == sorted(values, reverse=True)
    assert 0.5 < values[0] <= sum(values) <= 1
    assert sum(made.scores.values()) == pytest.approx(1)


def test_the_evidence_counts_similar_incidents(ranker):
    """One sentence a candidate, with the numbers, among the evidence of the most likely cause."""
    situation, cause = incident(1003)
    learnt = diagnose(situation, ranker=ranker)
    item = next(e for e in learnt.evidence if e.collector == "learnt ranking")
    assert item.component == cause
    assert f"{item.numbers['same_cause']:.0f} of {item.numbers['similar_incidents']:.0f} similar" in item.statement
    assert item.numbers["same_cause"] > 0


def test_what_the_past_does_not_teach_is_not_used(history):
    """Causes that follow from nothing: the gate stays shut, the ranking is unlearnt, and the analysis says so."""
    useless = fit_ranker(mixed_up(history), SMALL)
    assert not useless.is_used
    situation, _ = incident(1004)
    learnt, plain = diagnose(situation, ranker=useless), diagnose(situation)
    assert learnt.ranking == plain.ranking
    assert learnt.confidence == plain.confidence
    assert [skip.name for skip in learnt.skipped if skip not in plain.skipped] == ["learnt ranking"]


def test_in_a_strange_system_a_ranker_of_one_system_keeps_out(ranker):
    """It has no proof that what it learnt carries over."""
    made = reranked(incident(1005, prefix="other-")[0], ranker)
    assert isinstance(made, SkippedMethod)
    assert "another system" in made.reason


def test_two_systems_prove_what_carries_over(history):
    """Each is tried on what the other taught; a third one gets the model without names, if it has passed."""
    both = fit_ranker([*history, *past(48, prefix="b-", system="bank")], SMALL)
    assert both.abroad is not None
    assert both.abroad.model.memory is None
    assert set(both.abroad.comparison.by_system) == {"bank", "shop"}
    assert not [name for name in both.abroad.model.names if name.startswith(("word", "surprise", "absent"))]
    made = reranked(incident(1006, prefix="third-")[0], both)
    assert isinstance(made, SkippedMethod) is not both.abroad.comparison.is_used


def test_each_system_is_judged_on_its_own(history):
    """One in which the past teaches nothing does not shut the gate of the other; one with too few has no home."""
    useless = mixed_up(past(48, prefix="b-", system="bank"))
    made = fit_ranker([*history, *useless, *past(3, prefix="c-", system="club")], SMALL)
    assert {name: home.comparison.is_used for name, home in made.homes.items()} == {"bank": False, "shop": True}
    assert not isinstance(reranked(incident(1008)[0], made), SkippedMethod)
    skipped = reranked(incident(1008, prefix="b-")[0], made)
    assert skipped.reason == made.homes["bank"].comparison.reason


def test_the_order_of_the_incidents_changes_nothing(history, ranker):
    """Turned around: the very same ranker."""
    assert ranker_version(fit_ranker(history[::-1], SMALL)) == ranker_version(ranker)


def test_folds_share_out_the_causes(history):
    """Of eight incidents of one cause no fold has more than two of five, and all are in one."""
    folds = fold_by_cause(history, SMALL)
    for cause in {each.causes for each in history}:
        mine = [fold for fold, each in zip(folds, history, strict=True) if each.causes == cause]
        assert max(np.bincount(mine)) <= -(-len(mine) // 5)


def test_an_incident_teaches_its_own_memory_nothing(history):
    """Its features in training are those of a memory without it."""
    with_it, without = learn_memory(history), learn_memory([*history[:7], *history[8:]])
    sight = history[7].sight
    inside = with_it.features(sight, apart_from=7)
    outside = without.features(sight)
    surprise = [name for name in outside.names if name.startswith("surprise")]
    np.testing.assert_allclose(inside.aligned(surprise), outside.aligned(surprise))


def test_an_empty_memory_is_neutral(history):
    """No past: nobody is familiar, nothing surprises, nothing is similar."""
    memory = learn_memory([])
    sight = history[0].sight
    assert memory.familiarity(sight.candidates) == memory.familiarity(()) == 0
    assert not memory.features(sight).values.any()
    assert memory.recall(sight).similar == ()


def test_a_cause_that_is_no_candidate_is_left_out_and_told(history):
    """It cannot be learnt from."""
    odd = replace(history[0], name="odd", causes=("nobody",))
    assert fit_ranker([*history, odd], SMALL).left_out == ("odd",)


def test_too_few_or_doubled_incidents_are_refused(history):
    """The message tells how many are needed."""
    with pytest.raises(InputError, match="at least 5"):
        fit_ranker(history[:4], SMALL)
    with pytest.raises(InputError, match="share a name"):
        fit_ranker([*history, history[0]], SMALL)


def test_a_few_incidents_are_learnt_from_and_not_used(history):
    """Nineteen are too few to prove anything."""
    few = fit_ranker(history[:19], SMALL)
    assert not few.is_used
    assert "20 are needed" in few.homes["shop"].comparison.reason


def test_a_situation_of_nothing_is_skipped(ranker):
    """No candidate, no ranking."""
    assert isinstance(reranked(Situation(detected_at=at(60)), ranker), SkippedMethod)
    assert diagnose(Situation(detected_at=at(60)), ranker=ranker).ranking == ()


def test_a_ranker_comes_back_as_it_was(ranker, tmp_path):
    """Arrays and JSON: the same version, the same bits in a diagnosis."""
    back = load_ranker(save_ranker(ranker, tmp_path / "r"))
    assert ranker_version(back) == ranker_version(ranker)
    situation, _ = incident(1007)
    assert diagnose(situation, ranker=back) == diagnose(situation, ranker=ranker)


def test_two_systems_come_back_too(history, tmp_path):
    """Both models."""
    both = fit_ranker([*history, *past(30, prefix="b-", system="bank")], SMALL)
    assert ranker_version(load_ranker(save_ranker(both, tmp_path))) == ranker_version(both)


def test_a_directory_without_a_ranker_is_told(tmp_path):
    """And what to do."""
    with pytest.raises(BundleError, match="train-ranker"):
        load_ranker(tmp_path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: m.update(format="zip"), "does not describe"),
        (lambda m: m.update(schema_version=99), "schema version 99"),
        (lambda m: m["homes"]["shop"]["comparison"].update(is_used=False), "was changed"),
        (lambda m: m["homes"]["shop"]["names"].pop(), "was changed|does not fit"),
        (lambda m: m["homes"]["shop"]["memory"]["components"].pop(), "does not fit"),
        (lambda m: m.pop("homes"), "does not fit"),
        (lambda m: m.update(homes=[]), "does not fit"),
    ],
)
def test_a_changed_manifest_is_noticed(ranker, tmp_path, change, why):
    """Nobody opens the gate by hand."""
    path = save_ranker(ranker, tmp_path) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match=why):
        load_ranker(tmp_path)


def test_damaged_files_are_noticed(ranker, tmp_path):
    """A changed byte, an absent file, no JSON."""
    path = save_ranker(ranker, tmp_path) / "arrays.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BundleError, match="SHA-256"):
        load_ranker(tmp_path)
    path.unlink()
    with pytest.raises(BundleError, match="no arrays"):
        load_ranker(tmp_path)
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match="JSON"):
        load_ranker(tmp_path)
