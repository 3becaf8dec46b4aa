"""Settings of actuators: read from file and environment, refused by name before anything acts."""

import base64
from pathlib import Path

import pytest

from models.errors import ConfigurationError
from service.bootstrap import real_actuators
from service.config import load_settings
from service.ports import ActionKind

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of great secrecy").decode()
FILE = """
[actuators.processes]
type = "supervisor"
url = "unix:///run/supervisor.sock"
allow = ["RESTART_COMPONENT", "SCALE_UP", "SCALE_DOWN"]
components.web = { programs = ["web"], slots = ["web-2"] }
components.db = { programs = ["db"] }

[actuators.balancer]
type = "haproxy"
url = "unix:///run/haproxy.sock"
allow = ["ISOLATE_COMPONENT", "RELEASE_COMPONENT"]
components.web = { servers = ["web/web"] }
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(text):
    """Write the file, read the settings, make the actuators."""
    Path("faultline.toml").write_text(text)
    return real_actuators(load_settings())


def test_a_file_says_who_acts_on_what():
    """Each pair that is allowed and possible has its actuator; scaling needs slots."""
    assert load(FILE).assignments == (
        ("db", ActionKind.RESTART_COMPONENT, "processes"),
        ("web", ActionKind.ISOLATE_COMPONENT, "balancer"),
        ("web", ActionKind.RELEASE_COMPONENT, "balancer"),
        ("web", ActionKind.RESTART_COMPONENT, "processes"),
        ("web", ActionKind.SCALE_DOWN, "processes"),
        ("web", ActionKind.SCALE_UP, "processes"),
    )


def test_without_settings_nothing_is_allowed():
    """The default is no actuator at all."""
    hand = real_actuators(load_settings())
    assert (hand.kinds, hand.components, hand.assignments) == (frozenset(), frozenset(), ())
    assert "no actuator knows the component 'web'" in hand.refusal(ActionKind.RESTART_COMPONENT, "web")


def test_a_secret_may_come_from_the_environment(monkeypatch):
    """Merged into what the file says; it is not shown with the settings."""
    monkeypatch.setenv("FAULTLINE_ACTUATORS__HOOK__SECRET", SECRET)
    hook = '[actuators.hook]\ntype="webhook"\nurl="http://127.0.0.1:1"\nallow=["ROLLBACK_DEPLOY"]\ncomponents=["web"]\n'
    assert load(hook).assignments == (("web", ActionKind.ROLLBACK_DEPLOY, "hook"),)
    assert SECRET not in repr(load_settings())
    assert SECRET not in str(load_settings().model_dump())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('"supervisor"', '"supervisord"'), "actuators.processes.*supervisord"),
        (('"unix:///run/supervisor.sock"', '"/run/supervisor.sock"'), "actuators.processes.supervisor.url"),
        (('"SCALE_DOWN"]', '"ENABLE_BACKUP"]'), "it cannot do ENABLE_BACKUP; it can do ISOLATE_COMPONENT"),
        (('"SCALE_DOWN"]', '"RESTART_COMPONENT"]'), "SCALE_UP is allowed and SCALE_DOWN is not"),
        (('"RELEASE_COMPONENT"]', '"ISOLATE_COMPONENT"]'), "RELEASE_COMPONENT is not: it could never be taken back"),
        (('["ISOLATE_COMPONENT", "RELEASE_COMPONENT"]', "[]"), "actuators.balancer.haproxy.allow"),
        (("allow = [", "allowed = ["), "actuators.processes.supervisor.allow"),
        ((', slots = ["web-2"]', ""), "no component has slots"),
        (('slots = ["web-2"]', 'slots = ["web"]'), "a process is named twice"),
        (('"web/web"', '"web"'), "components.web.servers"),
        (('"web/web"', '"web/web; show env"'), "components.web.servers"),
        (('"web/web"', '"web/web\\nshow env"'), "components.web.servers"),
        (('"ISOLATE_COMPONENT", "RELEASE_COMPONENT"', '"ENABLE_BACKUP", "DISABLE_BACKUP"'), "no component has backups"),
        (('programs = ["web"]', "programs = []"), "components.web.programs"),
        (('type = "haproxy"', 'type = "haproxy"\ntimeout_s = 0'), "actuators.balancer.haproxy.timeout_s"),
        (('type = "haproxy"', 'type = "haproxy"\ntimeout = 1'), "actuators.balancer.haproxy.timeout"),
    ],
)
def test_mistakes_are_refused_by_name(change, named):
    """The place and what is wrong; nothing is passed over."""
    assert change[0] in FILE
    with pytest.raises(ConfigurationError, match=named):
        load(FILE.replace(*change))


def test_two_for_the_same_are_refused():
    """Nobody could say who acts."""
    with pytest.raises(ConfigurationError, match="processes and second would both do RESTART_COMPONENT on db"):
        load(FILE + FILE.split("[actuators.balancer]", maxsplit=1)[0].replace("processes", "second"))


def test_a_misspelt_variable_below_an_actuator_is_refused(monkeypatch):
    """The names of actuators are free, those of their settings are not."""
    monkeypatch.setenv("FAULTLINE_ACTUATORS__PROCESSES__PASZWORD", "x")
    with pytest.raises(ConfigurationError, match=r"actuators\.processes\.supervisor\.paszword"):
        load(FILE)
    monkeypatch.delenv("FAULTLINE_ACTUATORS__PROCESSES__PASZWORD")
    monkeypatch.setenv("FAULTLINE_ACTUATOR__PROCESSES__PASSWORD", "x")
    with pytest.raises(ConfigurationError, match="no setting for the variable"):
        load(FILE)


def test_no_action_may_outlast_the_journals_patience():
    """It would be in doubt while it still works; a drain counts."""
    with pytest.raises(ConfigurationError, match=r"balancer may take 312 s, and the journal waits 180 s.*raise"):
        load(FILE.replace('type = "haproxy"', 'type = "haproxy"\ndrain_s = 300'))
    longer = "[engine.journal]\naction_timeout_s = 400\n"
    assert load(longer + FILE.replace('type = "haproxy"', 'type = "haproxy"\ndrain_s = 300')).assignments
