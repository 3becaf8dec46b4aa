"""The rows of the fault suite: each makes one fault, checks what came of it, and gives the figures."""

import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from models.errors import InputError
from service.journal import JournalSettings, RecoveryJournal
from service.ports import ActionKind, ActionOutcome
from service.records import RecordKind
from service.recovery.runs import RecoveryStatus, StepStatus
from service.store import schema
from service.store.database import Database
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.chaos.nursery import Nursery
from tests.chaos.worker import COMPONENTS, EFFECTS, Life, done, marks
from tests.databases import PostgresServer, wait_until
from tests.service.recovery.plans import BAD, GOOD, NOW, backup, isolate, later, restart, strategy, verify


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one scenario showed."""

    fault: str
    database: str
    tries: int
    effects: int
    repeated: int = 0
    flagged: int = 0
    note: str = ""


class Ground:
    """Where scenarios take place: databases, a nursery, a directory."""

    def __init__(self, databases):
        self.databases = databases
        self.directory = Path(tempfile.mkdtemp(prefix="faultline-chaos-"))
        self.nursery = Nursery()
        self._count = 0
        self._template = self.directory / "template.db"
        database = Database(f"sqlite:///{self._template}")
        schema.upgrade(database)
        with database.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        database.close()

    def close(self):
        """End every process, and remove everything."""
        self.nursery.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    @contextmanager
    def place(self, kind):
        """Make a database, and the path of a file for the effects."""
        self._count += 1
        effects = str(self.directory / f"{self._count}.effects")
        if kind == "postgresql":
            url = self.databases.fresh(kind)
        else:
            path = self.directory / f"{self._count}.db"
            shutil.copy(self._template, path)
            url = f"sqlite:///{path}"
        try:
            yield url, effects
        finally:
            self.databases.drop(url)


@contextmanager
def stored(url):
    """Look into a store."""
    store = SqlStore(url)
    try:
        yield RecoveryStore(store.database), store
    finally:
        store.close()


def judge(url, effects, *, status=RecoveryStatus.FAILED, verbs=EFFECTS):
    """Check that a run of the plan came to its end once; gives effects, repetitions and those that were flagged."""
    with stored(url) as (runs, store):
        (run,) = runs.runs()
        assert run.status is status, f"{run.status}: {run.reason}"
        assert runs.in_doubt() == (), "an action was left without an outcome"
        assert runs.untold("a") == (), "a record was left untold"
        assert runs.isolations().active == (), "something stayed in force"
        flagged = set(runs.doubted(run.id))
        finished = store.records(kind=RecordKind.RECOVERY_FINISHED)
        assert len({record.message for record in finished}) == 1, "the end was told in two ways"
    counts = Counter(done(effects))
    kinds = dict.fromkeys(mark[2] for mark in marks(effects) if mark[0] == "end")
    assert list(kinds) == [verb.value for verb in verbs], f"wrong effects: {list(kinds)}"
    repeated = {key for key, count in counts.items() if count > 1}
    assert repeated <= flagged, f"repeated without a flag: {repeated - flagged}"
    return counts.total(), len(repeated), len(flagged)


def killed(ground, kind, points, probe="file"):
    """``kill -9`` at each point; the next life of the same instance ends the run."""
    total = repeated = flagged = 0
    for point, nth in points:
        with ground.place(kind) as (url, effects):
            first = Life(url=url, effects=effects, point=point, nth=nth, probe=probe)
            code = ground.nursery.live(first)
            assert code == -signal.SIGKILL, f"{point} {nth} was never passed: {code}"
            assert ground.nursery.live(Life(url=url, effects=effects, probe=probe)) == 0
            try:
                figures = judge(url, effects)
            except AssertionError as error:
                raise AssertionError(f"killed {point} {nth} on {kind}: {error}") from error
        total, repeated, flagged = total + figures[0], repeated + figures[1], flagged + figures[2]
        assert probe != "file" or figures[1] == 0, f"{point} {nth}: repeated though the probe could tell"
    name = {"file": "kill -9, probe tells", "forgetful": "kill -9, probe wrongly says no"}[probe]
    return Row(fault=name, database=kind, tries=len(points), effects=total, repeated=repeated, flagged=flagged)


def blind(ground, kind, points):
    """``kill -9`` around an effect that no probe can see: it is flagged and never repeated."""
    total = 0
    for point, nth in points:
        with ground.place(kind) as (url, effects):
            ground.nursery.live(Life(url=url, effects=effects, point=point, nth=nth, probe="blind"))
            assert ground.nursery.live(Life(url=url, effects=effects, probe="blind")) == 0
            with stored(url) as (runs, _):
                (run,) = runs.runs()
                assert run.status is RecoveryStatus.FAILED
                assert any("nobody can tell" in result.detail for result in run.results), run.results
                assert len(runs.doubted(run.id)) == 1
            counts = Counter(done(effects))
            assert set(counts.values()) <= {1}, f"{point} {nth}: repeated blindly"
            total += counts.total()
    return Row(fault="kill -9, probe cannot tell", database=kind, tries=len(points), effects=total, flagged=len(points))


def stopped(ground, kind, points=(("after intent", 2), ("before effect", 2), ("after effect", 2))):
    """SIGSTOP for longer than the lease, a second instance takes over, SIGCONT: the first can change nothing."""
    total = repeated = flagged = fenced = 0
    for point, nth in points:
        with ground.place(kind) as (url, effects):
            report = f"{effects}.report"
            stale = Life(
                url=url, effects=effects, point=point, nth=nth, signal=signal.SIGSTOP, lease_s=1.0, report=report
            )
            pid = ground.nursery.begin(stale)
            wait_until(lambda pid=pid: _state(pid) == "T")
            assert ground.nursery.live(Life(url=url, effects=effects, instance="b", lease_s=1.0)) == 0
            with stored(url) as (runs, _):
                before = runs.runs()
            os.kill(pid, signal.SIGCONT)
            assert ground.nursery.wait(pid) == 0
            with stored(url) as (runs, _):
                assert runs.runs() == before, "the stale worker changed the run"
            figures = judge(url, effects)
            refused = json.loads(Path(report).read_text())["fenced"]
            assert refused >= 1, "the stale worker was not fenced"
        total, repeated, flagged = total + figures[0], repeated + figures[1], flagged + figures[2]
        fenced += refused
        assert point == "before effect" or figures[1] == 0, f"{point}: the effect was repeated"
    note = f"{fenced} writes of the stale worker refused"
    return Row(
        fault="SIGSTOP beyond the lease, takeover, SIGCONT",
        database=kind,
        tries=len(points),
        effects=total,
        repeated=repeated,
        flagged=flagged,
        note=note,
    )


def _state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def locked(ground, seconds):
    """Somebody holds the whole SQLite database: the run is delayed, not failed."""
    with ground.place("sqlite") as (url, effects):
        report = f"{effects}.report"
        holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        pid = ground.nursery.begin(Life(url=url, effects=effects, report=report, patience_s=90.0))
        time.sleep(seconds)
        assert not done(effects), "something was done without its intent being stored"
        holder.execute("COMMIT")
        holder.close()
        assert ground.nursery.wait(pid) == 0
        took = time.monotonic() - began
        assert json.loads(Path(report).read_text())["errors"] == [], "the lock made an error"
        figures = judge(url, effects)
    return Row(
        fault=f"BEGIN EXCLUSIVE for {seconds:g} s",
        database="sqlite",
        tries=1,
        effects=figures[0],
        note=f"finished after {took:.1f} s",
    )


class World:
    """A system in this process: it notes what is done, and calls back before and after."""

    kinds = frozenset(ActionKind)
    components = frozenset(COMPONENTS)

    def __init__(self):
        self.done = []
        self.detail = "done"
        self.then = lambda _action: None

    def refusal(self, kind, component):
        """It takes everything."""
        return ""

    def perform(self, action):
        """Note it."""
        self.done.append((action.key, action.kind))
        self.then(action)
        return ActionOutcome(is_changed=True, detail=self.detail)

    def probe(self, action):
        """Look whether the key was done."""
        return action.key in {key for key, _ in self.done}


PLAIN = strategy(isolate(), backup(), restart(), verify(timeout_s=50.0))
QUIET = JournalSettings(instance="a", action_timeout_s=5.0)


def full(ground, spares=range(12)):
    """The disk is full, with so many pages left: ticks fail until there is room, then the run goes on."""
    total = pauses = 0
    for spare in spares:
        with ground.place("sqlite") as (url, _), stored(url) as (runs, store):
            world, limit = World(), [None]
            world.detail = "x" * 1900  # so that each step needs room

            def bound(connection, limit=limit):
                connection.exec_driver_sql(f"PRAGMA max_page_count={limit[0] or 1_000_000}")

            event.listen(store.database.engine, "begin", bound)
            journal = RecoveryJournal(runs, world, store.append, QUIET)
            journal.start(PLAIN, "i", "orders", {"text": "x" * 3000}, NOW)
            with store.database.read_connection() as connection:
                limit[0] = connection.execute(text("PRAGMA page_count")).scalar() + spare
            failures = 0
            for second in range(0, 150, 30):
                try:
                    journal.tick(later(second), lambda _: BAD)
                except DBAPIError as error:
                    failures += "full" in str(error)
            limit[0] = None
            for second in range(150, 300, 30):
                journal.tick(later(second), lambda _: BAD)
            (run,) = runs.runs()
            assert run.status is RecoveryStatus.FAILED, f"{run.status}: {run.reason}"
            assert "verify" in run.reason, run.reason
            assert [kind for _, kind in world.done] == list(EFFECTS), world.done
            assert runs.in_doubt() == ()
            total, pauses = total + len(world.done), pauses + (failures > 0)
    assert pauses > 0, "the disk was never full"
    return Row(
        fault="disk full, then not",
        database="sqlite",
        tries=len(spares),
        effects=total,
        note=f"paused and resumed in {pauses}",
    )


def crashed(steps=(1, 2, 3)):
    """PostgreSQL is killed while an action runs, and started again: the outcome is found by the probe."""
    server = PostgresServer(is_hasty=False)
    total = failures = 0
    try:
        for step in steps:
            with stored(server.fresh()) as (runs, store):
                world = World()

                def crash(_action, world=world, step=step):
                    if len(world.done) == step:
                        server.kill()

                world.then = crash
                journal = RecoveryJournal(runs, world, store.append, QUIET)
                journal.start(PLAIN, "i", "orders", {}, NOW)
                failures += _tick_until_down(journal)
                server.restart()
                for second in range(60, 300, 30):
                    with suppress(DBAPIError):
                        journal.tick(later(second), lambda _: BAD)
                (run,) = runs.runs()
                assert run.status is RecoveryStatus.FAILED, f"{run.status}: {run.reason}"
                assert [kind for _, kind in world.done] == list(EFFECTS), world.done
                assert len(runs.doubted(run.id)) == 1
                total += len(world.done)
    finally:
        server.close()
    return Row(
        fault="PostgreSQL killed and restarted",
        database="postgresql",
        tries=len(steps),
        effects=total,
        flagged=len(steps),
        note=f"{failures} ticks failed meanwhile",
    )


def _tick_until_down(journal):
    failures = 0
    for second in (0, 30):
        try:
            journal.tick(later(second), lambda _: BAD)
        except DBAPIError:
            failures += 1
    assert failures == 2, "nobody noticed that the database was gone"
    return failures


def shared(ground, kind, n_runs=24, n_instances=2):
    """Instances on one database: each run is done once, never two at once on a component, never too many at once."""
    with ground.place(kind) as (url, effects):
        asked = [(COMPONENTS[number % len(COMPONENTS)], f"incident-{number}") for number in range(n_runs)]
        pids = []
        for number in range(n_instances):
            order = random.Random(number).sample(asked, len(asked))
            life = Life(
                url=url,
                effects=effects,
                instance=f"instance-{number}",
                runs=order,
                pause_s=0.01,
                patience_s=60.0,
                report=f"{effects}.{number}",
            )
            pids.append(ground.nursery.begin(life))
        assert [ground.nursery.wait(pid) for pid in pids] == [0] * n_instances
        with stored(url) as (runs, _):
            found = runs.runs(limit=1000)
            ids = Counter(run.incident_id for run in found)
            assert ids == Counter(incident for _, incident in asked), "a request became no run, or two"
            assert {run.status for run in found} == {RecoveryStatus.COMPLETED}
            doubted = [key for run in found for key in runs.doubted(run.id)]
        lines = marks(effects)
        counts = Counter(mark[1] for mark in lines if mark[0] == "begin")
        assert set(counts.values()) == {1}, "a step was done twice"
        assert len(counts) == n_runs
        at_once = _most_at_once(lines)
        by = Counter(mark[4] for mark in lines if mark[0] == "begin")
    return Row(
        fault=f"{n_instances} instances on one database, requests doubled and re-ordered",
        database=kind,
        tries=n_runs,
        effects=counts.total(),
        flagged=len(doubted),
        note=f"shared {'/'.join(str(n) for n in by.values())}, at most {at_once} at once",
    )


def _most_at_once(lines):
    """How many actions ran at one time; never two on one component."""
    most, running = 0, set()
    for what, _, _, component, _, _ in sorted(lines, key=lambda mark: mark[5]):
        if what == "begin":
            assert component not in running, f"two at once on {component}"
            running.add(component)
        else:
            running.discard(component)
        most = max(most, len(running))
    assert most <= 3, f"{most} at once"
    return most


def haunted(ground, kind, n_runs=60, n_kills=20, seed=1):
    """Random ``kill -9`` of two instances that share a queue: every run ends, every repetition is flagged."""
    chance = random.Random(seed)
    with ground.place(kind) as (url, effects):
        asked = [(COMPONENTS[number % len(COMPONENTS)], f"incident-{number}") for number in range(n_runs)]

        def begin(number):
            return ground.nursery.begin(
                Life(
                    url=url,
                    effects=effects,
                    instance=f"instance-{number}",
                    lease_s=1.0,
                    runs=asked,
                    pause_s=0.02,
                    patience_s=60.0,
                )
            )

        pids = [begin(0), begin(1)]
        kills = 0
        for _ in range(n_kills):
            time.sleep(chance.uniform(0.02, 0.5))
            victim = chance.randrange(2)
            with suppress(ProcessLookupError):
                os.kill(pids[victim], signal.SIGKILL)
            kills += ground.nursery.wait(pids[victim]) == -signal.SIGKILL
            pids[victim] = begin(victim)
        assert [ground.nursery.wait(pid) for pid in pids] == [0, 0]
        with stored(url) as (runs, _):
            found = runs.runs(limit=1000)
            assert Counter(run.incident_id for run in found) == Counter(incident for _, incident in asked)
            assert {run.status for run in found} == {RecoveryStatus.COMPLETED}, [run.reason for run in found]
            flagged = {key for run in found for key in runs.doubted(run.id)}
        counts = Counter(mark[1] for mark in marks(effects) if mark[0] == "begin")
        repeated = {key for key, count in counts.items() if count > 1}
        assert len(counts) == n_runs, "an effect is missing"
        assert repeated <= flagged, f"repeated without a flag: {repeated - flagged}"
    return Row(
        fault="random kill -9 of two instances",
        database=kind,
        tries=kills,
        effects=counts.total(),
        repeated=len(repeated),
        flagged=len(flagged),
        note=f"{n_runs} runs completed",
    )


def stubborn(ground):
    """A command that ignores SIGTERM is killed with its group, and what was done before is taken back."""
    from service.actuators.command import CommandActuator
    from service.actuators.settings import CommandSettings

    with ground.place("sqlite") as (url, effects), stored(url) as (runs, store):
        deaf = f"trap '' TERM; echo $$ > {effects}.pid; while :; do sleep 1; done"
        argv = {kind: {"run": ["/bin/sh", "-c", f"echo {kind.value} >> {effects}"]} for kind in EFFECTS}
        argv[ActionKind.RESTART_COMPONENT] = {"run": ["/bin/sh", "-c", deaf]}
        settings = CommandSettings(
            type="command", allow=list(argv), commands=argv, components={"orders": {}}, timeout_s=1.0
        )
        journal = RecoveryJournal(runs, CommandActuator("command", settings), store.append, QUIET)
        journal.start(PLAIN, "i", "orders", {}, NOW)
        journal.tick(NOW, lambda _: BAD)
        (run,) = runs.runs()
        assert (run.status, run.results[2].status) == (RecoveryStatus.FAILED, StepStatus.IN_DOUBT), run.results
        pid = int(Path(f"{effects}.pid").read_text())
        wait_until(lambda: not Path(f"/proc/{pid}").exists() or _state(pid) == "Z")
        effect_lines = Path(effects).read_text().split()
        assert effect_lines == ["ISOLATE_COMPONENT", "ENABLE_BACKUP", "DISABLE_BACKUP", "RELEASE_COMPONENT"]
    return Row(
        fault="an action that ignores SIGTERM",
        database="sqlite",
        tries=1,
        effects=len(effect_lines),
        note="killed, in doubt, compensated",
    )


def hung(ground, kind):
    """An actuator that never answers is left behind in time, what was done is taken back, the others go on."""
    with ground.place(kind) as (url, _), stored(url) as (runs, store):
        world, end = World(), threading.Event()
        world.then = lambda action: end.wait(30) if "restart:1" in action.key else None
        settings = JournalSettings(instance="a", action_timeout_s=0.3, lease_s=0.2)
        journal = RecoveryJournal(runs, world, store.append, settings)
        journal.start(PLAIN, "i", "orders", {}, NOW)
        other = journal.start(strategy(backup(), id="other"), "i", "cart", {}, NOW)
        world.probe = lambda _action: None
        began = time.monotonic()
        journal.tick(NOW, lambda _: GOOD)
        took = time.monotonic() - began
        end.set()
        assert took < 5, f"it took {took:.1f} s"
        assert runs.run(other.id).status is RecoveryStatus.COMPLETED
        (run,) = runs.runs(component="orders")
        assert (run.status, run.results[2].status) == (RecoveryStatus.FAILED, StepStatus.IN_DOUBT)
        kinds = [name for _, name in world.done if name is not None]
    return Row(
        fault="an actuator that never answers",
        database=kind,
        tries=1,
        effects=len(kinds),
        note=f"given up after {took:.1f} s, compensated",
    )


def poisoned(ground, kind):
    """Input that cannot be is refused, a run that was damaged in the store is set aside and told; the others go on."""
    with ground.place(kind) as (url, _), stored(url) as (runs, store):
        world = World()
        journal = RecoveryJournal(runs, world, store.append, QUIET)
        loop = []
        loop.append(loop)
        poisons = [{"text": "x" * 10_000_000}, {"text": loop}, {"text": object()}, {1: 1.0}]
        for poison in poisons:
            try:
                journal.start(PLAIN, "i", "orders", poison, NOW)
            except InputError:
                continue
            raise AssertionError(f"taken: {type(poison)}")
        journal.start(strategy(restart(), id="nan"), "i", "orders", {"confidence": float("nan")}, NOW)
        bodies = ["", "{}", "[" * 100_000, '{"strategy": 1}']
        for number, body in enumerate(bodies):
            damaged = journal.start(strategy(restart(), id=f"damaged-{number}"), "i", "cart", {}, NOW)
            with store.database.write_connection() as connection:
                values = {"body": body, "id": damaged.id}
                connection.execute(text("UPDATE recovery_runs SET body = :body WHERE id = :id"), values)
        good = journal.start(strategy(restart(), id="good"), "i", "db", {}, NOW)
        behind = journal.start(strategy(restart(), id="behind"), "i", "cart", {}, NOW)
        for second in range(3):
            journal.tick(later(second), lambda _: GOOD)
        statuses = {runs.run(run.id).status for run in (good, behind)}
        assert statuses == {RecoveryStatus.COMPLETED}, statuses
        told = [record for record in store.records() if record.kind is RecordKind.ENGINE_ERROR]
        assert len(told) == len(bodies), told
    return Row(
        fault="poison input",
        database=kind,
        tries=len(poisons) + len(bodies) + 1,
        effects=len(world.done),
        note=f"{len(poisons)} refused, {len(bodies)} set aside, the others completed",
    )
