"""What goes wrong on the command line: exit code 2, one message that names the offender and a remedy, no traceback."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from models.errors import TrackingError
from models.tracking import _check_reachable
from service.occupancy import occupied
from tests.service.commands.conftest import typed

ROOT = Path(__file__).parents[3]
BAD_STRATEGY = """
default: nobody
strategies:
  - id: s
    name: S
    type: AUTOMATIC
    condition: severity >>> 3
    steps: []
"""


def refused(*words, names):
    """Type something wrong; the message has to name the offender and say what to do."""
    said = typed(*words)
    assert said.code == 2, (said.code, said.out, said.err)
    message = said.err
    assert "Traceback" not in message
    for name in (names,) if isinstance(names, str) else names:
        assert str(name) in message.replace("\n", ""), message
    assert any(word in message for word in ("Remedy", "Usage:", "Try")), message


def test_the_empty_command_shows_the_help():
    """Without words the commands are listed; that is a wrong usage for scripts."""
    said = typed()
    assert (said.code, "diagnose" in said.out + said.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("nonsense",), "nonsense"),
        (("train",), "history"),
        (("diagnose",), "--case"),
        (("train", "x.csv", "--step-s", "soon"), "--step-s"),
        (("train", "x.csv", "--false-alarms", "-1"), "--false-alarms"),
        (("run", "--days", "0"), "--days"),
        (("run", "--seed", "-1"), "--seed"),
        (
            (
                "run",
                "--nonsense",
            ),
            "--nonsense",
        ),
        (("run", "--no-serve", "--fault", "GREMLINS"), ("GREMLINS", "BAD_DEPLOY")),
        (("run", "--no-serve", "--fault", "ERRORS", "--component", "nobody"), "nobody"),
        (("run", "--no-serve", "--port", "70000"), "port"),
        (("bench", "rca", "x"), "--out"),
        (("simulate", "out", "--days", "nan"), "nan"),
        (("simulate", "out", "--step-s", "0"), "step_s"),
        (("simulate", "out", "--fault", "x"), "x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_usage(words, names):
    """Missing, unknown and impossible options are named."""
    refused(*words, names=names)


COMMANDS_ON_A_PATH = {
    "train": ("train", "{}"),
    "detect": ("detect", "{}"),
    "diagnose": ("diagnose", "--case", "{}"),
    "rca": ("bench", "rca", "{}", "--out", "p.json"),
    "check": ("strategies", "check", "{}"),
}


def on(command, path):
    """The command's words about a path."""
    return [str(path) if word == "{}" else word for word in COMMANDS_ON_A_PATH[command]]


@pytest.mark.parametrize("command", COMMANDS_ON_A_PATH)
class TestPaths:
    """Paths that lead nowhere good."""

    @pytest.fixture(autouse=True)
    def _bundle(self, command, shared, monkeypatch):
        monkeypatch.setenv("FAULTLINE_TRACKING_URI", shared.tracking)

    def test_a_path_that_does_not_exist(self, command, workplace):
        """It is named."""
        refused(*on(command, workplace / "gone.csv"), names="gone.csv")

    def test_an_empty_file(self, command, workplace):
        """It is named."""
        (workplace / "empty.csv").touch()
        refused(*on(command, workplace / "empty.csv"), names="empty.csv")

    def test_an_empty_directory(self, command, workplace):
        """It is named."""
        (workplace / "hollow").mkdir()
        refused(*on(command, workplace / "hollow"), names="hollow")

    def test_a_file_of_noise(self, command, workplace):
        """Bytes that mean nothing are refused by name, whatever the ending says."""
        for name in ("noise.csv", "noise.parquet", "noise.json"):
            (workplace / name).write_bytes(bytes(range(256)) * 20)
            refused(*on(command, workplace / name), names=name)

    def test_a_file_that_may_not_be_read(self, command, workplace):
        """A directory that calls itself a file is refused by name."""
        (workplace / "odd.parquet").mkdir()
        refused(*on(command, workplace / "odd.parquet"), names="odd.parquet")


def test_a_case_in_pieces(shared, workplace):
    """A damaged incident file or damaged metrics are named, and no diagnosis is made up."""
    for number, (name, content) in enumerate(
        [("incident.json", b"{"), ("incident.json", b"[]"), ("incident.json", b"{}"), ("metrics.parquet", b"PAR1")]
    ):
        case = workplace / f"case-{number}"
        shutil.copytree(shared.case, case)
        (case / name).write_bytes(content)
        refused("diagnose", "--case", case, names=name)


def test_a_bundle_in_pieces(shared, workplace):
    """A bundle that is not there, or was changed, is refused by name."""
    refused("detect", shared.case, "--bundle", workplace / "gone", names="gone")
    shutil.copytree(shared.bundle, workplace / "bent")
    victim = max((workplace / "bent").iterdir(), key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-20] + b"x" * 20)
    refused("detect", shared.case, "--bundle", workplace / "bent", names="bent")


def test_a_store_without_a_champion(shared, workplace, monkeypatch):
    """Detection without any training says what to train."""
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", f"sqlite:///{workplace / 'none.db'}")
    refused("detect", shared.case, names="train")


class TestServersThatAreNotThere:
    """An MLflow server that does not answer is told at once, not after MLflow's retries of minutes."""

    @pytest.fixture(autouse=True)
    def _one_process(self, monkeypatch):
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr("models.tracking.REACH_S", 0.2)

    def test_nobody_listens(self, shared, monkeypatch):
        """A refused connection names the server without the password in its address, and the variable."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        monkeypatch.setenv("FAULTLINE_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
        refused("detect", shared.case, names=(f"http://127.0.0.1:{port} ", "refused", "FAULTLINE_TRACKING_URI"))
        assert "secret" not in typed("detect", shared.case).err

    @pytest.mark.parametrize("uri", ["http://", "http://:80", "http://h:port", "http://[", "https://\x00"])
    def test_no_address_of_a_server(self, uri):
        """What cannot be an address is our error too."""
        with pytest.raises(TrackingError, match="FAULTLINE_TRACKING_URI"):
            _check_reachable(uri)

    def test_a_server_that_never_answers(self, shared, monkeypatch):
        """Silence after the connection is not waited for either."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            monkeypatch.setenv("FAULTLINE_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
            refused("detect", shared.case, names=("cannot be reached", "timed out"))

    @pytest.mark.parametrize("status", [200, 401, 404, 502, 504])
    def test_a_gateway_without_its_server(self, status):
        """An answer of a gateway in trouble is none; any other, a refusal too, is left to MLflow."""

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                """Keep the terminal quiet."""

        with HTTPServer(("127.0.0.1", 0), Answers) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            expected = pytest.raises(TrackingError, match=str(status)) if status > 500 else contextlib.nullcontext()
            with expected:
                _check_reachable(f"http://127.0.0.1:{server.server_port}/mlflow")
            thread.join()


def test_another_step_than_the_bundle(shared, workplace):
    """Metrics of another step are refused with both numbers."""
    rows = "\n".join(f"2026-03-02T00:{minute:02d}:00Z,1.5" for minute in range(50))
    (workplace / "m.csv").write_text(f"ts,payment/cpu\n{rows}\n", encoding="utf-8")
    refused("detect", workplace / "m.csv", "--bundle", shared.bundle, names=("60", "300"))


@pytest.mark.parametrize("content", ["", "{}", "a: [", BAD_STRATEGY, "- 1", "\t", "default: x\nstrategies: 7"])
def test_bad_strategies(workplace, content):
    """Empty, broken and wrong files of strategies are named; nothing is called valid."""
    (workplace / "mine.yaml").write_text(content, encoding="utf-8")
    refused("strategies", "check", workplace / "mine.yaml", names="mine.yaml")


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", "{", "7", "\x00", '{"nobody": {"ranking": ["a"]}}', '{"CASE": 3}', '{"CASE": {"ranking": 3}}',
        '{"CASE": {"ranking": [["a"]]}}', '{"CASE": {"metrics": [3]}}', '{"CASE": {"confidence": "high"}}',
    ],
)  # fmt: skip
def test_bad_predictions(shared, workplace, content):
    """Predictions that are none, or of other cases, are refused by name."""
    (workplace / "p.json").write_text(content.replace("CASE", shared.case.name), encoding="utf-8")
    refused("bench", "score-rca", shared.suite, workplace / "p.json", names="p.json")


def test_a_suite_without_truth(shared, workplace):
    """Nothing can be scored where nobody knows the truth, or where it is damaged."""
    (workplace / "p.json").write_text("{}", encoding="utf-8")
    shutil.copytree(shared.suite, workplace / "suite")
    for content in ("{", "[]", '{"a": 3}'):
        (workplace / "suite" / "truth.json").write_text(content, encoding="utf-8")
        refused("bench", "score-rca", workplace / "suite", workplace / "p.json", names="truth.json")
    (workplace / "suite" / "truth.json").unlink()
    refused("bench", "score-rca", workplace / "suite", workplace / "p.json", names="truth.json")


def test_an_unknown_split(shared, workplace):
    """A split that the truth does not have is named."""
    typed("bench", "rca", shared.suite, "--out", workplace / "p.json")
    refused("bench", "score-rca", shared.suite, workplace / "p.json", "--split", "nonsense", names="nonsense")


def test_where_nothing_can_be_written(shared, workplace):
    """A file where a directory should be is named, before or after the work, and never with a traceback."""
    (workplace / "file").touch()
    refused("bench", "rca", shared.suite, "--out", workplace / "file" / "p.json", names="file")
    refused("bench", "rca", shared.suite, "--out", workplace, names=workplace.name)
    refused("simulate", workplace / "file", names="file")
    refused("simulate", workplace / "file" / "deep", "--days", 0.01, "--incidents", 0, names="file")
    refused("train", shared.history, "--out", workplace / "file" / "bundle", names="file")


@pytest.mark.parametrize(
    ("name", "value", "names"),
    [
        ("FAULTLINE_PORT", "http", "port"),
        ("FAULTLINE_HOST", "0.0.0.0", "0.0.0.0"),
        ("FAULTLINE_ENGINE__WINDOW_ROWS", "-1", "window_rows"),
        ("FAULTLINE_STORE_URL", "mysql://x", "mysql"),
        ("FAULTLINE_STORE_URL", "nonsense", "store"),
        ("FAULTLINE_STORE_URL", "sqlite:////gone/deep/x.db", "/gone/deep/x.db"),
        ("FAULTLINE_DATA_DIR", "file", "file"),
    ],
)
def test_bad_settings(shared, workplace, monkeypatch, name, value, names):
    """A wrong setting is named."""
    (workplace / "file").touch()
    shutil.copy(shared.root / "mlflow.db", workplace / "mlflow.db")  # making one takes seconds
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", f"sqlite:///{workplace / 'mlflow.db'}")
    monkeypatch.setenv(name, value)
    refused("run", "--no-serve", "--days", 2, names=names)


def test_a_second_run_in_one_directory(workplace):
    """While one plays, another is refused before it learns anything; the store of the first is not touched."""
    with occupied(workplace / "data" / "run") as directory:
        (directory / "faultline.db").touch()
        refused("run", "--no-serve", names=(str(os.getpid()), "FAULTLINE_DATA_DIR"))
        assert (directory / "faultline.db").exists()


def test_a_bad_settings_file(workplace):
    """A faultline.toml with an unknown name, or that is none, is told."""
    for content, names in (("portt = 1", "portt"), ("port = ", "faultline.toml"), ("port = 99999", "port")):
        (workplace / "faultline.toml").write_text(content, encoding="utf-8")
        refused("run", "--no-serve", names=names)


def _in_a_process(*words, **options):
    faultline = Path(sys.executable).with_name("faultline")
    return subprocess.run([faultline, *words], capture_output=True, text=True, timeout=60, check=False, **options)


def test_the_installed_command_ends_with_2(workplace):
    """The command as it is installed: one line on standard error, nothing on standard output, exit code 2."""
    done = _in_a_process("diagnose", "--case", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "nowhere" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_goes_away(workplace):
    """Output into a closed pipe ends quietly."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        faultline = Path(sys.executable).with_name("faultline")
        done = subprocess.run([faultline, "--help"], stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_the_command_line_starts_light(workplace):
    """Importing it loads nothing heavy: help must answer at once."""
    heavy = ["pandas", "mlflow", "sklearn", "fastapi", "matplotlib", "scipy", "statsmodels", "sqlalchemy", "networkx"]
    script = f"import sys, service.cli; print(*sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
