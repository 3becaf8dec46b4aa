"""The commands of safety: the ledger is checked, actions are stopped, levels are validated; all without a service."""

import json
from contextlib import closing

import pytest

from service.store.sql import SqlStore
from tests.service.commands.conftest import typed
from tests.service.store.examples import a_record

LEVELS = """\
degradations:
  - component: checkout
    levels:
      - {name: lean, gives_up: [ads], enter: worst_score >= 1, leave: worst_score < 0.5}
"""


@pytest.fixture
def file(tmp_path):
    """A store with ten records."""
    file = tmp_path / "faultline.db"
    with closing(SqlStore(f"sqlite:///{file}")) as store:
        for n in range(1, 11):
            store.append(a_record(n))
    return file


def tamper(file, statement):
    """Behind everybody's back."""
    with closing(SqlStore(f"sqlite:///{file}")) as store, store.database.write_connection() as connection:
        connection.exec_driver_sql(statement)


def test_a_ledger_is_verified_by_file_directory_and_url(file, tmp_path, monkeypatch):
    """Each names the same store; without a name it is that of the settings."""
    monkeypatch.setenv("FAULTLINE_DATA_DIR", str(tmp_path))
    for names in ((file,), (tmp_path,), (f"sqlite:///{file}",), ()):
        said = typed("audit", "verify", *names)
        assert (said.code, said.out[:18]) == (0, "intact: 10 records"), said.err


def test_a_broken_ledger_is_named_with_exit_code_one(file):
    """For people and for programs."""
    tamper(file, "UPDATE records SET message = 'x' WHERE seq = 7")
    said = typed("audit", "verify", file)
    assert (said.code, said.out.startswith("BROKEN at record 7: ")) == (1, True)
    told = typed("audit", "verify", file, "--json")
    verdict = json.loads(told.out)
    assert (told.code, verdict["is_intact"], verdict["broken_seq"], verdict["checked"]) == (1, False, 7, 6)


def test_heads_that_were_kept_are_compared(file, tmp_path):
    """As an option and as a file; a ledger that was cut off with its head is found."""
    head = typed("audit", "head", file).out.strip()
    (tmp_path / "heads.txt").write_text(f"{head}\n\n")
    assert "1 kept heads found" in typed("audit", "verify", file, "--anchors", tmp_path / "heads.txt").out
    tamper(file, "DELETE FROM records WHERE seq > 8")
    tamper(file, "UPDATE ledger_head SET seq = 8, digest = (SELECT digest FROM records WHERE seq = 8)")
    assert typed("audit", "verify", file).code == 0
    said = typed("audit", "verify", file, "--anchor", head)
    assert (said.code, "record 9" in said.out) == (1, True)


@pytest.mark.parametrize("anchor", ["x", "1:abc", f"-1:{'a' * 64}", f"{'9' * 40}:{'a' * 64}"])
def test_what_is_no_head_is_refused(file, anchor):
    """With what it should look like."""
    said = typed("audit", "verify", file, "--anchor", anchor)
    assert (said.code, "audit head" in said.err) == (2, True)


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    """A fresh one would be intact."""
    for command in (("audit", "verify"), ("audit", "head"), ("actions", "status")):
        said = typed(*command, tmp_path / "none.db")
        assert (said.code, "there is no store" in said.err) == (2, True)
    assert not (tmp_path / "none.db").exists()


def test_records_are_shown_and_exported(file):
    """The newest for people or programs; all of them for whoever checks."""
    assert [line.split()[0] for line in typed("audit", "show", file, "--limit", 3).out.splitlines()] == ["8", "9", "10"]
    shown = json.loads(typed("audit", "show", file, "--limit", 3, "--json").out)
    assert [record["seq"] for record in shown] == [8, 9, 10]
    assert typed("audit", "show", file, "--kind", "ENGINE_ERROR").out == ""
    wrong = typed("audit", "show", file, "--kind", "ENGINE_EROR")
    assert (wrong.code, "ENGINE_EROR" in wrong.err) == (2, True)
    exported = [json.loads(line) for line in typed("audit", "export", file).out.splitlines()]
    assert [line["record"]["seq"] for line in exported[1:]] == list(range(1, 11))


def test_the_old_end_is_pruned(file):
    """All but the newest are older than a day; the rest is intact."""
    said = typed("audit", "prune", file, "--keep-days", 1, "--by", "kim")
    assert (said.code, said.out.startswith("9 records")) == (0, True)
    assert "intact: 2 records since record 9" in typed("audit", "verify", file).out


def test_actions_are_stopped_and_resumed(file):
    """It says who and why, and is kept between commands."""
    assert "not stopped" in typed("actions", "status", file).out
    stopped = typed("actions", "stop", file, "--by", "kim", "--reason", "database move")
    assert (stopped.code, stopped.out.strip().endswith("by kim: database move")) == (0, True)
    assert "database move" in typed("actions", "status", file).out
    assert json.loads(typed("actions", "status", file, "--json").out)["stop"]["who"] == "kim"
    assert typed("actions", "resume", file, "--by", "kim", "--reason", "done").out == "actions go on\n"
    assert "nothing changed" in typed("actions", "resume", file, "--by", "kim", "--reason", "done").out
    kinds = [record["kind"] for record in json.loads(typed("audit", "show", file, "--limit", 2, "--json").out)]
    assert kinds == ["ACTIONS_STOPPED", "ACTIONS_RESUMED"]


@pytest.mark.parametrize("words", [("--by", "kim"), ("--reason", "x"), ("--by", " ", "--reason", "x")])
def test_nobody_stops_without_name_and_reason(file, words):
    """The error says what is missing."""
    assert typed("actions", "stop", file, *words).code == 2
    assert "not stopped" in typed("actions", "status", file).out


def test_levels_are_checked(tmp_path):
    """A valid file is summed up; a wrong one names file, line and remedy."""
    (tmp_path / "levels.yaml").write_text(LEVELS)
    said = typed("degradation", "check", tmp_path / "levels.yaml")
    assert (said.code, "lean gives up ads" in said.out) == (0, True)
    (tmp_path / "levels.yaml").write_text(LEVELS.replace("< 0.5", "< 5"))
    said = typed("degradation", "check", tmp_path / "levels.yaml")
    assert (said.code, "levels.yaml: line 4" in said.err, "Remedy" in said.err) == (2, True, True)
    assert typed("degradation", "check", tmp_path / "none.yaml").code == 2
    assert "leave_hold_s" in typed("degradation", "schema").out


@pytest.mark.parametrize(
    "words",
    [
        ("audit",), ("audit", "verify"), ("audit", "show"), ("audit", "export"), ("audit", "prune"), ("audit", "head"),
        ("actions",), ("actions", "stop"), ("actions", "resume"), ("actions", "status"), ("degradation",),
        ("degradation", "check"), ("degradation", "schema"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_explains_itself(words):
    """Help is an answer, not an error."""
    said = typed(*words, "--help")
    assert (said.code, "Usage: " in said.out) == (0, True)
