# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The five-minute incident
#
# A web shop of fourteen components runs for a week. Faultline learns what is normal. Then somebody deploys a bad version
# of a database, and nobody tells Faultline. What does it see, whom does it blame, what does it do, and did it help?
#
# Everything here is simulated with seed 7, so every run of this notebook shows the same. All times are UTC.

# %%
# %matplotlib inline
import tempfile
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pandas as pd
from IPython.display import display
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure

from analysis.pipeline import diagnose
from analysis.plots import plot_heat, plot_propagation, plot_ranking
from analysis.situation import Situation
from models.frames import SeriesKey
from models.plots import plot_series
from models.evidence import find_anomalies
from models.scoring import score_frame
from service.config import EngineSettings, Settings
from service.replay import Replay, ReplayPlan, history_of, learn

# %% [markdown]
# ## A week of normal life
#
# `ReplayPlan` says what is simulated and what will go wrong; `history_of` lets the system live through its history.

# %%
plan = ReplayPlan.of("BAD_DEPLOY", "orders-db", seed=7, days=7)
system, history = history_of(plan)
print(f"{history.n_series} series, {history.n_rows} rows of {history.step_s:.0f} s, {len(system.edges)} calls")

figure = Figure(figsize=(10, 4.2), layout="constrained")
upper, lower = figure.subplots(2, 1, sharex=True)
upper.plot(history.times, history.series(SeriesKey("gateway", "request_rate")), linewidth=0.5)
upper.set_ylabel("gateway\nrequests per second")
lower.plot(history.times, history.series(SeriesKey("orders-db", "cpu")), linewidth=0.5, color="tab:orange")
lower.set_ylabel("orders-db\ncpu, ratio")
lower.set_xlabel("time (UTC); simulator seed 7")
figure

# %% [markdown]
# The days, the quieter weekend, and a nightly batch job on the database: normal, all of it, and not to be reported.
#
# ## Learn what is normal
#
# Every row is set against what was known before it: the level of its series, and its usual day where there is one. Four
# detectors look at the differences, and a calibration turns each score into one scale: 1.0 is the alarm boundary.

# %%
trained = learn(history, system.now)
report = trained.report
print(f"model {trained.bundle.model_version}: {report.by_day} of {report.n_series} series have a day")
pd.Series(report.alarms_per_series_day, name="alarms per series and day, in the history itself").round(3).to_frame()

# %% [markdown]
# ## Half an hour of calm, then the deploy
#
# `Replay` puts the live loop around the system: every minute it reads one row, scores it, groups anomalies into
# incidents, looks for the root cause, decides, acts and verifies. Nothing but metrics, call graph and change events is
# visible to it.

# %%
untouched = deepcopy(system)
scratch = tempfile.TemporaryDirectory()
replay = Replay.wired(plan, system, trained.bundle, history, Settings(data_dir=Path(scratch.name)))
story = replay.play()
incident, analysis = story.incident, story.analysis
assert incident is not None
assert analysis is not None
print(f"fault at       {story.fault_at:%H:%M}  (known to this notebook only)")
print(f"incident at    {incident.opened_at:%H:%M}  {incident.severity}, {len(incident.anomalies)} anomalies")
print(f"components     {', '.join(incident.components)}")

# %% [markdown]
# One metric of the database: what came, what was expected, and the band that a value leaves at the alarm boundary if the
# rows before it were as expected.

# %%
key = SeriesKey("orders-db", "latency_p95_s")
observer = replay.app.engine.observer
window = observer.frame.between(story.fault_at - timedelta(hours=3), story.fault_at + timedelta(minutes=30))
scores = score_frame(observer.bundle, window)
figure = Figure(figsize=(10, 3.2), layout="constrained")
ax = plot_series(figure.subplots(), scores, key, [a for a in find_anomalies(observer.bundle, scores) if a.key == key])
ax.set_title("orders-db slows down and is repaired (simulator seed 7)", loc="left")
ax.set_ylabel("latency, 95th percentile (s)")
ax.xaxis.set_major_formatter(DateFormatter("%H:%M"))
figure

# %% [markdown]
# And all components over time, each with the metric that is furthest from its usual value. Trouble starts in the
# database, is in its callers a minute later, and reaches the gateway last. It leaves the database first.

# %%
onset = incident.onset
situation = Situation(
    detected_at=onset,
    frame=observer.frame.between(onset - timedelta(hours=6), onset + timedelta(minutes=12)),
    edges=system.edges,
)
figure = Figure(figsize=(10, 4), layout="constrained")
ax = plot_heat(situation, figure.subplots(), rows_before=20)
ax.set_title("How odd each component is (simulator seed 7)", loc="left")
ax.set_xlabel("time (UTC); dashed: onset of the incident")
ax.xaxis.set_major_formatter(DateFormatter("%H:%M"))
figure

# %% [markdown]
# ## Whom does it blame?

# %%
cause = analysis.most_likely_cause
assert cause is not None
print(f"{cause.component} ({cause.category}), confidence {analysis.confidence:.0%}\n")
for item in cause.evidence:
    print("+" if item.is_supporting else "-", item.statement)
for method in analysis.skipped:
    print("  not used:", method.name, "-", method.reason)

# %%
assert analysis.ranking[0] == story.fault.component
figure = Figure(figsize=(10, 3.6), layout="constrained")
ax = plot_ranking(analysis, figure.subplots(), most=6)
ax.set_title("What speaks for and against each candidate (simulator seed 7)", loc="left")
figure

# %% [markdown]
# The callers look ill as well, but what they show is explained by the database that they call: that is the evidence
# called "position", which speaks against them.
#
# On the call graph (this was decided on four rows, when users at the gateway had seen nothing yet):

# %%
figure = Figure(figsize=(10, 6), layout="constrained")
ax = plot_propagation(analysis, system.edges, figure.subplots())
ax.set_title(f"{ax.get_title()} (simulator seed 7)", fontsize="small")
figure

# %% [markdown]
# ## What was decided, done and verified
#
# The ledger holds every step with its reason. The deploy was rolled back because the cause is of the category DEPLOY; the
# run counts as completed only because fresh metrics met the criteria of its VERIFY step.

# %%
ledger = pd.DataFrame([{"time": r.at, "what": r.kind.value, "about": r.subject, "detail": r.message} for r in story.records])
assert "RECOVERY_FINISHED" in set(ledger["what"])
assert ledger.loc[ledger["what"] == "RECOVERY_FINISHED", "detail"].str.contains("COMPLETED").all()
with pd.option_context("display.max_colwidth", None):
    display(ledger.assign(time=ledger["time"].dt.strftime("%H:%M")))

# %% [markdown]
# The bad version lived for less than five minutes. That it is gone is known a little later, when fresh rows have shown
# it, and the incident is closed after a while of quiet.

# %%
moments = ledger.groupby("what")["time"].min() - story.fault_at
assert moments["RECOVERY_STARTED"] < timedelta(minutes=5)
for what in ("INCIDENT_OPENED", "ROOT_CAUSE_FOUND", "RECOVERY_STARTED", "RECOVERY_FINISHED", "INCIDENT_RESOLVED"):
    print(f"{moments[what].total_seconds() / 60:4.0f} min after the deploy: {what}")

# %% [markdown]
# ## Did it help?
#
# The same system, the same noise, the same deploy, but with tied hands: a dry run decides and records, and touches
# nothing.

# %%
second_scratch = tempfile.TemporaryDirectory()
dry_settings = Settings(data_dir=Path(second_scratch.name), engine=EngineSettings(act=False))
dry = Replay.wired(plan, untouched, trained.bundle, history, dry_settings)
assert dry.play().resolved_after_s is None

symptom = SeriesKey("gateway", "error_rate")
start = story.fault_at - timedelta(minutes=15)
acted = observer.frame.between(start, incident.resolved_at)
tied = dry.app.engine.observer.frame.between(start, incident.resolved_at)
errors_acted, errors_tied = acted.series(symptom), tied.series(symptom)
assert errors_acted[-5:].mean() < 0.5 * errors_tied[-5:].mean()

figure = Figure(figsize=(10, 3.2), layout="constrained")
ax = figure.subplots()
ax.plot(tied.times, 100 * errors_tied, color="#d1495b", linestyle="--", label="dry run: nobody acts")
ax.plot(acted.times, 100 * errors_acted, color="#33658a", label="rolled back")
ax.axvline(story.fault_at + moments["RECOVERY_STARTED"], color="#b0b0b0", linewidth=1, label="roll-back")
ax.set_title("What the users of the gateway see (simulator seed 7)", loc="left")
ax.set_ylabel("failed requests (%)")
ax.set_xlabel("time (UTC)")
ax.xaxis.set_major_formatter(DateFormatter("%H:%M"))
ax.legend(frameon=False, loc="upper left")
figure

# %% [markdown]
# A quarter of an hour into the unrepaired fault, asked about exactly what those users see:

# %%
asked = Situation(
    detected_at=onset,
    frame=dry.app.engine.observer.frame.between(onset - timedelta(hours=6), onset + timedelta(minutes=15)),
    edges=system.edges,
    target=symptom,
)
answer = diagnose(asked)
assert answer.ranking[0] == story.fault.component
print(f"confidence {answer.confidence:.0%}:", " -> ".join(answer.possible_causes[0].propagation))

for application, directory in ((replay.app, scratch), (dry.app, second_scratch)):
    application.store.close()
    directory.cleanup()

# %% [markdown]
# ## Try it
#
# Change the plan: `ReplayPlan.of("MEMORY_LEAK", seed=3)`, `"NETWORK_LOSS"`, `"NOISY_NEIGHBOUR"`. Some are harder: a leak
# is slow, a noisy neighbour hurts others first. `faultline run --fault MEMORY_LEAK` plays the same on the page.
