"""The command actuator with real programs."""

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import real_peers
from service.actuators.command_process import run_bounded
from service.ports import Action, ActionKind, InDoubtError, PermanentError, TransientError
from tests.contracts.rigs import hand_of

PYTHON = [sys.executable, "-S", "-E", "-c"]
SHELL = ["/bin/sh", "-c"]


def settings(**template):
    """Of an actuator that restarts the component ``web``."""
    return {
        "type": "command",
        "allow": ["RESTART_COMPONENT"],
        "commands": {"RESTART_COMPONENT": {"run": ["/bin/true"]} | template},
        "components": {"web": {"unit": "web.service"}},
    }


def hand(*, timeout_s=10, environment=None, **template):
    """An actuator with this template."""
    return hand_of(settings(**template) | {"timeout_s": timeout_s, "environment": environment or {}}, "local")


def action(key="run-1:a:1", **parameters):
    """One restart."""
    return Action(key=key, kind=ActionKind.RESTART_COMPONENT, component="web", parameters=parameters)


def is_alive(pid):
    """Whether a process exists and is no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    return False


def test_placeholders_become_arguments_and_nothing_else(tmp_path):
    """One argument stays one, whatever it holds: no shell reads it."""
    note = tmp_path / "argv"
    write = f"import sys; open({str(note)!r}, 'w').write(repr(sys.argv[1:]))"
    hand(run=[*PYTHON, write, "{unit}", "a {component} $HOME; {key}", "{{x}}"]).perform(action())
    assert note.read_text() == repr(["web.service", "a web $HOME; run-1:a:1", "{x}"])


def test_the_environment_is_only_what_the_settings_give(monkeypatch):
    """No variable of ours reaches a command, and secrets are not repeated."""
    monkeypatch.setenv("FAULTLINE_TEST_STRICT", "1")
    show = 'import os; print(sorted(os.environ), os.environ["TOKEN"])'
    outcome = hand(run=[*PYTHON, show], environment={"TOKEN": "very-secret"}).perform(action())
    assert "['LANG', 'PATH', 'TOKEN'] ***" in outcome.detail
    assert "very-secret" not in outcome.detail


@pytest.mark.parametrize(
    ("code", "error"), [(1, PermanentError), (2, PermanentError), (75, TransientError), (127, PermanentError)]
)
def test_exit_codes_are_errors(code, error):
    """75 may pass; what was said is told."""
    with pytest.raises(error, match=f"ended with {code} and said 'it broke'"):
        hand(run=[*SHELL, f"echo it broke >&2; exit {code}"]).perform(action())


def test_a_probe_verifies(tmp_path):
    """Exit code 0 is not believed where the probe says no; where it cannot tell, the outcome says so."""
    flag = str(tmp_path / "flag")
    probe = ["/usr/bin/test", "-e", flag]
    with pytest.raises(PermanentError, match="its probe says that it is not in place"):
        hand(run=["/bin/true"], probe=probe).perform(action())
    assert "verified" in hand(run=["/usr/bin/touch", flag], probe=probe).perform(action()).detail
    assert "not verified" in hand(run=["/bin/true"], probe=[*SHELL, "exit 9"]).perform(action()).detail


@pytest.mark.timeout(30)
def test_a_program_without_end_is_ended_with_its_children(tmp_path):
    """Its whole group is ended, also one that ignores SIGTERM; whether it did its work is asked of the probe."""
    note = tmp_path / "pids"
    forever = f"trap '' TERM; sleep 60 & echo $! $$ > {note}; wait; while :; do sleep 1; done"
    with pytest.raises(InDoubtError, match="took too long and was ended"):
        hand(run=[*SHELL, forever], timeout_s=0.5).perform(action())
    child, shell = (int(number) for number in note.read_text().split())
    real_peers.wait_until(lambda: not is_alive(child) and not is_alive(shell))
    with pytest.raises(TransientError, match="not in place"):
        hand(run=["/bin/sleep", "60"], probe=["/bin/false"], timeout_s=0.3).perform(action())
    assert hand(run=["/bin/sleep", "60"], probe=["/bin/true"], timeout_s=0.3).perform(action()).is_changed


@pytest.mark.timeout(30)
def test_what_stays_behind_in_the_group_is_ended(tmp_path):
    """A background process would hold the output open for ever."""
    note = tmp_path / "pid"
    outcome = hand(run=[*SHELL, f"sleep 60 & echo $! > {note}"]).perform(action())
    assert outcome.is_changed
    real_peers.wait_until(lambda: not is_alive(int(note.read_text())))


@pytest.mark.timeout(30)
def test_endless_output_fills_nothing():
    """A full pipe stops nobody, and only the beginning is kept."""
    finished = run_bounded([*PYTHON, "print('x' * 5_000_000)"], environment={}, timeout_s=20, max_output_bytes=1000)
    assert (finished.code, len(finished.output)) == (0, 1000)
    ended = run_bounded(["/usr/bin/yes"], environment={}, timeout_s=0.3, max_output_bytes=10)
    assert (ended.code, ended.output) == (None, "y\n" * 5)


def test_output_of_any_kind_becomes_one_line():
    """Bytes that are no text, control characters and length are tamed."""
    said = hand(run=[*PYTHON, r"import os; os.write(1, b'\xff\x1b[2J\n' + b'z' * 5000)"]).perform(action()).detail
    assert "\x1b" not in said
    assert "\n" not in said
    assert len(said) < 500


def test_a_program_that_is_not_there_is_named():
    """Or that may not be executed."""
    for program in ("/no/such/program", "/etc/passwd"):
        with pytest.raises(PermanentError, match=f"{program} cannot be called"):
            hand(run=[program]).perform(action())


def test_a_dry_run_calls_only_its_own_command(tmp_path):
    """Its template, if there is one; otherwise it says what would be called."""
    flag = tmp_path / "flag"
    run = ["/usr/bin/touch", str(flag)]
    assert hand(run=run).rehearse(action()) == f"local would call /usr/bin/touch {flag}"
    assert "ended with 0" in hand(run=run, dry_run=["/bin/true"]).rehearse(action())
    with pytest.raises(PermanentError, match="the dry run of RESTART_COMPONENT ended with 1"):
        hand(run=run, dry_run=["/bin/false"]).rehearse(action())
    assert not flag.exists()


@pytest.mark.parametrize("key", ["-rf", "a\nb", "a\0b", "", "a`b`", "$(x)"])
def test_a_key_that_could_be_more_than_a_word_is_refused(key):
    """Before anything is called."""
    with pytest.raises(PermanentError, match="cannot stand in a command"):
        hand(run=["/bin/echo", "{key}"]).perform(action(key))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"commands": {"RESTART_COMPONENT": {"run": ["systemctl", "restart"]}}}, "no absolute path"),
        ({"commands": {"RESTART_COMPONENT": {"run": ["/bin/{unit}"]}}}, "no absolute path"),
        ({"commands": {"RESTART_COMPONENT": {"run": ["/bin/true", "{who}"]}}}, "who.* is no value of component 'web'"),
        ({"commands": {"RESTART_COMPONENT": {"run": ["/bin/true", "{unit.x}"]}}}, "is no value"),
        ({"commands": {"RESTART_COMPONENT": {"run": ["/bin/true", "{unit!r}"]}}}, "is no value"),
        ({"commands": {"RESTART_COMPONENT": {"run": ["/bin/true", "{"]}}}, "write a brace as two"),
        ({"commands": {"ROLLBACK_DEPLOY": {"run": ["/bin/true"]}}}, "RESTART_COMPONENT is allowed and has no command"),
        ({"components": {"web": {"unit": "--force"}}}, "unit cannot stand in a command"),
        ({"components": {"-web": {"unit": "x"}}}, "component cannot stand in a command"),
        ({"components": {"web": {"unit": "a;b"}}}, "unit cannot stand in a command"),
        ({"components": {}}, "components"),
        ({"allow": []}, "allow"),
        ({"allow": ["SCALE_UP"]}, "SCALE_UP is allowed and SCALE_DOWN is not"),
        ({"allow": ["EXPLODE"]}, "allow"),
    ],
)
def test_templates_are_checked_on_load(change, said):
    """Programs by their path, placeholders by name, values that cannot be options."""
    with pytest.raises(ValueError, match=said):
        hand_of(settings(run=["/bin/echo", "{unit}"]) | change)


def test_no_descriptor_and_no_thread_is_left():
    """A hundred calls leave the process as it was."""
    asking = hand(run=["/bin/true"])
    asking.perform(action("warm"))
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for number in range(30):
        asking.perform(action(f"k{number}"))
    time.sleep(0.05)
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
