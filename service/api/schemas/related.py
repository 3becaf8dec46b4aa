"""Related incidents and recurring failures."""

from pydantic import AwareDatetime, Field

from analysis import correlation, patterns
from analysis.correlation import CorrelationKind
from analysis.findings import CauseCategory
from analysis.rootcause.kinds import MetricKind
from analysis.signatures import Direction
from analysis.signatures import Symptom as DomainSymptom
from service.api.schemas.base import Number, Schema, example, example_of
from service.api.schemas.incidents import SkippedMethod


class Correlation(Schema):
    """Incidents that are related, and by what."""

    model_config = example(
        kind="TEMPORAL",
        incident_ids=["inc-20260301T120400-1", "inc-20260301T120600-1", "inc-20260301T120700-1"],
        components=[],
        strength=0.99,
        confidence=0.998,
        description="3 incidents began within 180 s; chance puts 0.014 others into 300 s (p 0.002 after correction for"
        " 57 windows)",
        numbers={"incidents": 3.0, "spread_s": 180.0, "expected_others": 0.014},
    )

    kind: CorrelationKind
    incident_ids: list[str] = Field(description="By onset; for CAUSAL pairs the cause comes first.")
    components: list[str] = Field(description="What they have in common; for CAUSAL the cause comes first.")
    strength: Number = Field(description="In [0, 1]: how much of it chance does not explain.")
    confidence: Number = Field(description="In [0, 1]: 1 - the p-value after correction for all that was tested.")
    description: str
    numbers: dict[str, Number]

    @classmethod
    def of(cls, found: correlation.IncidentCorrelation) -> "Correlation":
        """Map the domain's value."""
        return cls(
            kind=found.kind,
            incident_ids=list(found.incident_ids),
            components=list(found.components),
            strength=found.strength,
            confidence=found.confidence,
            description=found.description,
            numbers=dict(found.numbers),
        )


class Correlations(Schema):
    """Relations among the latest incidents, by kind, strongest first."""

    model_config = example(
        items=[example_of(Correlation)],
        skipped=[{"name": "ENVIRONMENTAL from changes", "reason": "nobody records changes"}],
        n_incidents=57,
        is_complete=True,
    )

    items: list[Correlation]
    skipped: list[SkippedMethod] = Field(description="Kinds, or parts of one, that could not run.")
    n_incidents: int = Field(description="So many were looked at.")
    is_complete: bool = Field(description="False if there are older incidents.")


class Symptom(Schema):
    """Metrics of one kind that left the usual in one component."""

    model_config = example(component="payments-db", kind="SATURATION", direction="UP")

    component: str
    kind: MetricKind
    direction: Direction

    @classmethod
    def of(cls, symptom: DomainSymptom) -> "Symptom":
        """Map the domain's value."""
        return cls(component=symptom.component, kind=symptom.kind, direction=symptom.direction)


class PastResolution(Schema):
    """What was done about the incidents of a pattern, and how often it helped."""

    model_config = example(action="RESTART_COMPONENT", component="payments-db", tries=4, verified=3)

    action: str
    component: str
    tries: int
    verified: int = Field(description="How often the component was seen well again afterwards.")

    @classmethod
    def of(cls, done: patterns.PastResolution) -> "PastResolution":
        """Map the domain's value."""
        return cls(action=done.action, component=done.component, tries=done.tries, verified=done.verified)


class Pattern(Schema):
    """A failure that recurs."""

    model_config = example(
        id="pattern-inc-20260301T120400-1",
        count=4,
        first_seen="2026-03-01T12:00:00Z",
        last_seen="2026-03-22T09:30:00Z",
        mean_gap_s=601800.0,
        cause="payments-db",
        category="RESOURCE",
        symptoms=[example_of(Symptom)],
        cohesion=0.87,
        incident_ids=["inc-20260301T120400-1"],
        resolutions=[example_of(PastResolution)],
        description="seen 4 times, every 167 h in the mean: resource fault of payments-db; payments-db saturation up",
    )

    id: str
    count: int
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    mean_gap_s: Number = Field(description="Between two onsets; null if it was seen once.")
    cause: str = Field(description="Empty if none was ever named.")
    category: CauseCategory | None
    symptoms: list[Symptom] = Field(description="What at least half of its incidents show.")
    cohesion: Number = Field(description="In [0, 1]: mean similarity of its incidents to what they have in common.")
    incident_ids: list[str] = Field(description="By onset.")
    resolutions: list[PastResolution] = Field(description="Most often verified first.")
    description: str

    @classmethod
    def of(cls, pattern: patterns.FailurePattern) -> "Pattern":
        """Map the domain's value."""
        names = ("id", "count", "first_seen", "last_seen", "mean_gap_s", "cohesion", "description")
        return cls(
            **{name: getattr(pattern, name) for name in names},
            cause=pattern.signature.cause,
            category=pattern.signature.category,
            symptoms=[Symptom.of(symptom) for symptom, _ in pattern.signature.symptoms],
            incident_ids=list(pattern.incident_ids),
            resolutions=[PastResolution.of(done) for done in pattern.resolutions],
        )


class Patterns(Schema):
    """Failures that recur among the latest incidents, the most frequent first."""

    model_config = example(items=[example_of(Pattern)], n_incidents=57, is_complete=True)

    items: list[Pattern]
    n_incidents: int = Field(description="So many were looked at.")
    is_complete: bool = Field(description="False if there are older incidents.")


class SimilarFailure(Schema):
    """An earlier failure that an incident may repeat."""

    model_config = example(
        similarity=0.82,
        shared=[example_of(Symptom)],
        missing=[],
        added=[],
        description="82% like inc-20260322T093400-1, seen 4 times: the same cause payments-db; 1 of 1 symptoms shared"
        " (payments-db saturation up); earlier: RESTART_COMPONENT on payments-db, verified 3 of 4 times",
        pattern=example_of(Pattern),
    )

    similarity: Number = Field(description="In [0, 1].")
    shared: list[Symptom]
    missing: list[Symptom] = Field(description="Of the earlier failure, not of the incident.")
    added: list[Symptom] = Field(description="Of the incident, not of the earlier failure.")
    description: str
    pattern: Pattern

    @classmethod
    def of(cls, found: patterns.PatternMatch) -> "SimilarFailure":
        """Map the domain's value."""
        return cls(
            similarity=found.similarity,
            shared=[Symptom.of(symptom) for symptom in found.shared],
            missing=[Symptom.of(symptom) for symptom in found.missing],
            added=[Symptom.of(symptom) for symptom in found.added],
            description=found.description,
            pattern=Pattern.of(found.pattern),
        )


class SimilarFailures(Schema):
    """Earlier failures that an incident may repeat, the most similar first; at most ten."""

    model_config = example(incident_id="inc-20260401T101000-1", items=[example_of(SimilarFailure)])

    incident_id: str
    items: list[SimilarFailure]
