"""service.config: the only reader of the environment and of faultline.toml."""

from pathlib import Path

import pytest

from models.errors import ConfigurationError
from service.config import EngineSettings, Settings, load_settings


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


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("FAULTLINE_PROT", "did you mean FAULTLINE_PORT"),
        ("faultline_data_dirr", "did you mean FAULTLINE_DATA_DIR"),
        ("FAULTLINE_ENGINE__ACTT", "did you mean FAULTLINE_ENGINE__ACT"),
        ("FAULTLINE_ENGINE_WINDOW_ROWS", "did you mean FAULTLINE_ENGINE__WINDOW_ROWS"),
        ("FAULTLINE_", "use one of: .*FAULTLINE_HOST"),
        ("FAULTLINE_ÄÖÜßÄÖÜßÄÖÜß" * 3, "use one of: .*FAULTLINE_TRACKING_URI"),
    ],
)
def test_a_misspelt_variable_is_refused(monkeypatch, variable, remedy):
    """A variable of our prefix that no setting has is named with the nearest that there is, not passed over."""
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ConfigurationError, match=f"{variable}.*{remedy}"):
        load_settings()


def test_variables_of_others_are_left_alone(monkeypatch):
    """The switch of the test suite, another prefix and another case of a known name are no misspellings."""
    for name in ("FAULTLINE_TEST_STRICT", "FAULTLINES_PORT", "MY_FAULTLINE_PORT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("faultline_port", "2222")
    assert load_settings().port == 2222


@pytest.mark.parametrize(
    "name", [*Settings.model_fields, "engine", *(f"engine__{n}" for n in EngineSettings.model_fields)]
)
def test_every_setting_has_its_variable(monkeypatch, name):
    """Whatever the settings declare is known by name in the environment; at most its value is refused."""
    monkeypatch.setenv(f"FAULTLINE_{name.upper()}", "?")
    said = ""
    try:
        load_settings()
    except ConfigurationError as error:
        said = str(error)
    assert "no setting" not in said
    assert "faultline.toml cannot" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org", ""])
def test_only_loopback_is_served(host):
    """Without authentication no other address than loopback is accepted."""
    with pytest.raises(ConfigurationError, match="authentication"):
        load_settings(host=host)
