"""service.config: the only reader of the environment and of faultline.toml."""

from pathlib import Path

import pytest

from models.errors import ConfigurationError
from service.config import load_settings


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_defaults_are_embedded_and_local():
    """Without any configuration everything is SQLite below one directory, on loopback."""
    settings = load_settings()
    assert settings.store == f"sqlite:///{Path('.faultline') / 'faultline.db'}"
    assert settings.tracking == f"sqlite:///{Path('.faultline').resolve() / 'mlflow.db'}"
    assert (settings.host, settings.port) == ("127.0.0.1", 8321)


def test_arguments_beat_environment_beats_file(tmp_path, monkeypatch):
    """The order of the sources is arguments, environment, TOML, defaults."""
    (tmp_path / "faultline.toml").write_text("port = 1111\ndata_dir = 'from-file'\n[engine]\nwindow_rows = 99\n")
    monkeypatch.setenv("FAULTLINE_PORT", "2222")
    settings = load_settings()
    assert (settings.port, str(settings.data_dir), settings.engine.window_rows) == (2222, "from-file", 99)
    assert load_settings(port=3333).port == 3333


def test_environment_reaches_nested_settings(monkeypatch):
    """Two underscores go one level down."""
    monkeypatch.setenv("FAULTLINE_ENGINE__ACT", "false")
    assert load_settings().engine.act is False


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1", "prot"),
        ("port = 99999", "port"),
        ("port = 'http'", "port"),
        ("[engine]\nwindow_rows = 1", "engine.window_rows"),
        ("[engine]\nwindow = 1", "engine.window"),
        ("port = ", "faultline.toml"),
        ("\x00", "faultline.toml"),
    ],
)
def test_wrong_file_is_refused_by_name(tmp_path, text, named):
    """A wrong name, range or syntax is an error that names the setting or the file."""
    (tmp_path / "faultline.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=named):
        load_settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org", ""])
def test_only_loopback_is_served(host):
    """Without authentication no other address than loopback is accepted."""
    with pytest.raises(ConfigurationError, match="authentication"):
        load_settings(host=host)
