"""The live loop acts through the actuators of the settings: from metrics to a real command, verified."""

import pytest

from models.errors import ConfigurationError
from service.config import Settings
from service.records import RecordKind
from service.replay import Replay, ReplayPlan
from tests.trained_system import DAYS, SEED, a_bundle, a_history, a_system


def units(file, component="payment"):
    """A command that notes each call in a file, and is in place when the file is there."""
    note = {"run": ["/usr/bin/dd", "if=/dev/zero", f"of={file}", "bs=1", "count=1", "oflag=append", "conv=notrunc"]}
    return {
        "type": "command",
        "allow": ["ROLLBACK_DEPLOY"],
        "commands": {"ROLLBACK_DEPLOY": note | {"probe": ["/usr/bin/test", "-e", str(file)]}},
        "components": {component: {}},
    }


def replay_of(actuators):
    """A bad deploy of payment."""
    plan = ReplayPlan.of("BAD_DEPLOY", "payment", seed=SEED, days=DAYS)
    settings = Settings(store_url="sqlite://", actuators=actuators)
    return Replay.wired(plan, a_system(), a_bundle(), a_history(), settings)


def test_the_loop_acts_through_the_settings(tmp_path):
    """The command is called once, the record names it; the simulator does not do it as well, so nothing is repaired."""
    replay = replay_of({"units": units(tmp_path / "calls")})
    story = replay.play()
    steps = [r.message for r in story.records if r.kind is RecordKind.RECOVERY_STEP_FINISHED]
    replay.app.store.close()
    assert any("roll-back: SUCCEEDED, units: ROLLBACK_DEPLOY on payment ended with 0" in step for step in steps)
    assert any("verify: FAILED" in step for step in steps)
    assert (tmp_path / "calls").stat().st_size == 1


def test_names_that_the_system_does_not_have_are_refused(tmp_path):
    """Before the loop begins."""
    with pytest.raises(ConfigurationError, match="units names the component paymnt"):
        replay_of({"units": units(tmp_path / "calls", "paymnt")})
