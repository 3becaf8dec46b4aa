"""Training runs in MLflow: the only module that imports mlflow, and only inside functions.

A run holds parameters, data fingerprint, figures, a picture, the environment and the bundle; the bundle is a version
of the one registered model, and an alias says which version is in use. The client is used directly: no flavour, no
pip inference, no global run, no pickle.
"""

import json
import logging
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from models.bundle import Bundle
from models.errors import TrackingError
from models.evidence import find_anomalies
from models.frames import MetricFrame
from models.plots import most_abnormal, plot_series, save_plot
from models.scoring import score_frame
from models.training import TrainingResult

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MODEL, RANKER = "faultline", "faultline-ranker"
DESCRIPTIONS = {
    MODEL: "Bundles of Faultline; one version a training run.",
    RANKER: "Rankers of Faultline, learnt from resolved incidents; one version a training run.",
}
CHAMPION = "champion"
SQLITE = "sqlite:///"
LIBRARIES = ("faultline", "mlflow", "numpy", "pandas", "scikit-learn", "scipy")
LONGEST_PARAMETER = 500
REACH_S = 3.0
"""How long a tracking server may take to answer at all; MLflow itself would try for minutes."""
GATEWAY_TROUBLE = range(502, 505)
PLOTTED_DAYS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """Where a training was recorded.

    Parameters
    ----------
    run_id
        Of MLflow.
    experiment_id
        Of MLflow.
    version
        Of the registered model.
    bundle_uri
        Where MLflow keeps the bundle or the ranker.
    """

    run_id: str
    experiment_id: str
    version: str
    bundle_uri: str


def local_uri(directory: Path) -> str:
    """The tracking URI of a directory: ``mlflow.db`` in it, artifacts beside it.

    Parameters
    ----------
    directory
        Need not exist yet.

    Returns
    -------
    str
        For the functions of this module, and for ``mlflow ui --backend-store-uri``.
    """
    return f"{SQLITE}{directory.resolve() / 'mlflow.db'}"


def log_training(
    result: TrainingResult,
    uri: str,
    history: MetricFrame,
    *,
    experiment: str = "faultline",
    alias: str | None = CHAMPION,
) -> TrackedRun:
    """Record a training and register its bundle.

    Parameters
    ----------
    result
        From ``train``.
    uri
        Tracking URI; for SQLite the directory is created and the artifacts go beside the database.
    history
        What was trained on; its last two days are in the picture.
    experiment
        Name of the MLflow experiment.
    alias
        Given to the new version, and taken from the one that had it; None gives none.

    Returns
    -------
    TrackedRun
        Of the finished run.

    Notes
    -----
    Errors of MLflow come as TrackingError.
    """
    with _client(uri) as client, tempfile.TemporaryDirectory() as scratch:
        experiment_id = _experiment(client, uri, experiment)
        run = client.create_run(experiment_id, run_name=result.bundle.model_version)
        status = "FAILED"
        try:
            _log_figures(client, run.info.run_id, result)
            _log_files(client, run.info.run_id, result, history, Path(scratch))
            status = "FINISHED"
        finally:
            client.set_terminated(run.info.run_id, status=status)
        bundle_uri = f"{run.info.artifact_uri}/bundle"
        number = _register(client, MODEL, bundle_uri, run.info.run_id, result.bundle.model_version, alias)
    return TrackedRun(run_id=run.info.run_id, experiment_id=experiment_id, version=number, bundle_uri=bundle_uri)


def log_ranker(
    directory: Path,
    uri: str,
    *,
    ranker_version: str,
    created: datetime,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    alias: str | None = CHAMPION,
) -> TrackedRun:
    """Record the training of a ranker and register what was written.

    Parameters
    ----------
    directory
        Where the ranker was saved.
    uri
        Tracking URI; for SQLite the directory is created and the artifacts go beside the database.
    ranker_version
        Of its content.
    created
        UTC.
    parameters
        Settings and origin of the incidents; may be nested.
    metrics
        Figures of the cross-validation.
    alias
        Given to the new version; None where the ranker must not be used.

    Returns
    -------
    TrackedRun
        Of the finished run.

    Notes
    -----
    Errors of MLflow come as TrackingError.
    """
    with _client(uri) as client, tempfile.TemporaryDirectory() as scratch:
        experiment_id = _experiment(client, uri, RANKER)
        run = client.create_run(experiment_id, run_name=ranker_version)
        run_id, status = run.info.run_id, "FAILED"
        try:
            _log_values(client, run_id, _flat(parameters), metrics, created, ranker_version)
            client.log_artifacts(run_id, str(directory), "ranker")
            client.log_artifact(run_id, str(_write_json(Path(scratch) / "environment.json", _environment())))
            status = "FINISHED"
        finally:
            client.set_terminated(run_id, status=status)
        ranker_uri = f"{run.info.artifact_uri}/ranker"
        number = _register(client, RANKER, ranker_uri, run_id, ranker_version, alias)
    return TrackedRun(run_id=run_id, experiment_id=experiment_id, version=number, bundle_uri=ranker_uri)


def load_champion(uri: str, *, alias: str = CHAMPION) -> Bundle:
    """Load the bundle that is in use.

    Parameters
    ----------
    uri
        Tracking URI.
    alias
        Another alias, for example that of a challenger.

    Returns
    -------
    Bundle
        Checked against its hash.

    Raises
    ------
    TrackingError
        If the store does not exist or has no such version.
    """
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).is_file():
        raise TrackingError(f"There is no MLflow database at {uri}.", remedy="train first: faultline train")
    from urllib.request import url2pathname

    with _client(uri) as client, tempfile.TemporaryDirectory() as scratch:
        import mlflow

        found = client.get_model_version_by_alias(MODEL, alias)
        source = urlparse(str(found.source))
        if source.scheme in ("", "file"):
            return Bundle.load(Path(url2pathname(source.path)))
        local = mlflow.artifacts.download_artifacts(artifact_uri=found.source, dst_path=scratch, tracking_uri=uri)
        return Bundle.load(Path(local))


@contextmanager
def _client(uri: str) -> "Iterator[MlflowClient]":
    """An MLflow client whose errors are ours, and which keeps the terminal quiet."""
    if uri.startswith(("http://", "https://")):
        _check_reachable(uri)
    # MLflow reads this while it is imported: later, it has already written an installation id to the home directory.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # noqa: TID251  # its only switch, and set, not read
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.exceptions import MlflowException
        from mlflow.telemetry import set_telemetry_client
        from mlflow.tracking import MlflowClient

        set_telemetry_client()  # type: ignore[no-untyped-call]  # it ends a client that another import has started
        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.WARNING)
            if uri.startswith(SQLITE):
                Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
            yield MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException as error:
            raise TrackingError(
                f"MLflow at {uri}: {error.message}", remedy="check the store, or train again into a new directory"
            ) from error
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _check_reachable(uri: str) -> None:
    """Any answer but that of a gateway without its server will do; nothing is sent but the question."""
    import httpx

    try:
        server = httpx.URL(uri).copy_with(username="", password="", query=None, fragment=None)
    except httpx.InvalidURL as error:
        raise TrackingError(f"The tracking URI is none: {error}.", remedy="mend FAULTLINE_TRACKING_URI.") from error
    try:
        # Whom to trust is MLflow's own setting, for its own requests.
        with httpx.stream("GET", server, timeout=REACH_S, verify=False) as answer:  # noqa: S501
            trouble = f"it answers {answer.status_code}" if answer.status_code in GATEWAY_TROUBLE else ""
    except httpx.TransportError as error:
        trouble = str(error) or type(error).__name__
    if trouble:
        raise TrackingError(
            f"The MLflow server at {server} cannot be reached: {trouble}.",
            remedy="start it, or mend FAULTLINE_TRACKING_URI; without it MLflow is kept in the data directory.",
        )


def _experiment(client: "MlflowClient", uri: str, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    beside = Path(uri.removeprefix(SQLITE)).parent / "artifacts" if uri.startswith(SQLITE) else None
    return str(client.create_experiment(name, artifact_location=beside.as_uri() if beside else None))


def _log_figures(client: "MlflowClient", run_id: str, result: TrainingResult) -> None:
    bundle = result.bundle
    parameters = {
        **_flat(bundle.settings),
        "step_s": bundle.step_s,
        "data.start": bundle.history.start.isoformat(),
        "data.end": bundle.history.end.isoformat(),
        "data.fingerprint": bundle.history.fingerprint,
        "data.series": len(bundle.keys),
    }
    _log_values(client, run_id, parameters, result.report.metrics(), bundle.created, bundle.model_version)


def _log_values(
    client: "MlflowClient",
    run_id: str,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    created: datetime,
    model_version: str,
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    created_ms = int(created.timestamp() * 1e3)
    client.log_batch(
        run_id,
        params=[Param(name, str(value)[:LONGEST_PARAMETER]) for name, value in parameters.items()],
        metrics=[Metric(name, value, created_ms, 0) for name, value in metrics.items()],
        tags=[RunTag("model_version", model_version)],
    )


def _log_files(
    client: "MlflowClient", run_id: str, result: TrainingResult, history: MetricFrame, scratch: Path
) -> None:
    bundle = result.bundle
    client.log_artifacts(run_id, str(bundle.save(scratch / "bundle")), "bundle")
    rows = round(PLOTTED_DAYS * 86_400 / bundle.step_s)
    scores = score_frame(bundle, history.rows(history.n_rows - rows, history.n_rows))
    key, anomalies = most_abnormal(scores), find_anomalies(bundle, scores)
    files = (
        save_plot(scratch / "most_abnormal_series.png", lambda ax: plot_series(ax, scores, key, anomalies)),
        _write_json(scratch / "report.json", asdict(result.report)),
        _write_json(scratch / "environment.json", _environment()),
    )
    for path in files:
        client.log_artifact(run_id, str(path))


def _register(client: "MlflowClient", model: str, uri: str, run_id: str, version: str, alias: str | None) -> str:
    if not client.search_registered_models(f"name = '{model}'"):
        client.create_registered_model(model, description=DESCRIPTIONS[model])
    made = client.create_model_version(model, source=uri, run_id=run_id, tags={"model_version": version})
    if alias:
        client.set_registered_model_alias(model, alias, made.version)
    return str(made.version)


def _environment() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _write_json(path: Path, value: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
    return path


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
