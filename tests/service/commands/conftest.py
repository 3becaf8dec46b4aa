"""The command line as a user meets it: in a directory of its own, with one trained history for all tests."""

import contextlib
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.cli import main


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


def typed(*words):
    """Type a command in this process."""
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["faultline", *map(str, words)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ending:
        code = ending.code or 0
    finally:
        sys.argv = argv
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Desk:
    """Where the shared files are."""

    root: Path

    @property
    def history(self):
        """Three days of metrics at five minutes."""
        return self.root / "out" / "history.parquet"

    @property
    def suite(self):
        """Three cases with their truth."""
        return self.root / "out" / "incidents"

    @property
    def case(self):
        """One of them."""
        return min(path for path in self.suite.iterdir() if path.is_dir())

    @property
    def bundle(self):
        """Trained on the history."""
        return self.root / "bundle"

    @property
    def tracking(self):
        """Where the run is tracked."""
        return f"sqlite:///{self.root / 'mlflow.db'}"


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Simulated and trained once, by the commands themselves."""
    desk = Desk(tmp_path_factory.mktemp("cli"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk.root)
        patch.setenv("FAULTLINE_TRACKING_URI", desk.tracking)
        faults = ("--fault", "BAD_DEPLOY", "--fault", "cpu-hog", "--fault", "LATENCY")
        simulated = typed("simulate", desk.root / "out", "--days", 3, "--step-s", 300, "--seed", 3, *faults)
        assert simulated.code == 0, simulated.err
        trained = typed("train", desk.history, "--out", desk.bundle, "--json")
        assert trained.code == 0, trained.err
        (desk.root / "train.json").write_text(trained.out, encoding="utf-8")
    return desk


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty working directory, and nothing from the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("FAULTLINE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path
