"""Scales and restarts deployments in Kubernetes. Tested against a fake of the API, not against a real cluster.

Each action is one PATCH that changes the deployment and notes the action's key in an annotation, so that either both
are there or none, and a probe after any interruption can tell. That is why scaling does not use the scale
sub-resource: it keeps no annotation. The resource version in the PATCH makes the server refuse (409) what was computed
from an old state; then it is computed anew. A restart is what ``kubectl rollout restart`` does.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from models.errors import ConfigurationError
from service.actuators.base import PeerActuator, check_parameters, wanted_replicas
from service.actuators.settings import Deployment, KubernetesSettings
from service.actuators.waiting import Deadline
from service.ports import Action, ActionKind, ActionOutcome, Clock, InDoubtError, PermanentError, TransientError

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_CONFLICTS = 5
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
Value = TypeVar("Value")


class KubernetesActuator(PeerActuator):
    """A hand on the deployments of a cluster.

    SCALE_UP and SCALE_DOWN take ``replicas`` or ``factor`` (default 2) and stay within the replicas that the settings
    allow. Success means that the rollout is complete: all replicas are updated and available.

    Parameters
    ----------
    name
        As in the settings.
    settings
        Of this actuator.
    clock
        Dates a restart.

    Raises
    ------
    ConfigurationError
        If the Kubernetes client is not installed.
    """

    def __init__(self, name: str, settings: KubernetesSettings, clock: Clock) -> None:
        super().__init__(name, settings.allow, settings.components)
        self._settings = settings
        self._clock = clock
        try:
            import kubernetes.client  # noqa: F401  # told at start-up, not at the first incident
        except ImportError as error:
            raise ConfigurationError(
                f"The actuator {name} needs the Kubernetes client.", remedy="install faultline[kubernetes]"
            ) from error

    def _rehearse(self, action: Action) -> str:
        deadline = Deadline(self._settings.timeout_s)
        with self._api() as api:
            body, words = self._patched(api, action, deadline, is_dry_run=True)
        return f"{words}; the API server accepts it" if body else words

    def _perform(self, action: Action) -> ActionOutcome:
        deadline = Deadline(self._settings.timeout_s)
        with self._api() as api:
            body, words = self._patched(api, action, deadline, is_dry_run=False)
            self._await_rollout(api, action, deadline)
        return ActionOutcome(is_changed=bool(body), detail=f"{self.name}: {words}, verified")

    def _probe(self, action: Action) -> bool | None:
        deadline = Deadline(self._settings.timeout_s)
        with self._api() as api:
            found = self._read(api, action, deadline)
        return _noted(found, action) or (
            "replicas" in action.parameters and found["spec"].get("replicas", 1) == wanted_replicas(action, 1)
        )

    def _patched(self, api: Any, action: Action, deadline: Deadline, *, is_dry_run: bool) -> tuple[Any, str]:
        """Read, compute, patch; anew while others change the deployment in between."""
        target = self._settings.components[action.component]
        for _ in range(_CONFLICTS):
            found = self._read(api, action, deadline)
            body, words = self._patch_of(action, target, found)
            if not body:
                return None, words
            extra = {"dry_run": "All"} if is_dry_run else {}

            def patch(body: Any = body, extra: dict[str, str] = extra) -> Any:
                return api.patch_namespaced_deployment(
                    target.deployment,
                    target.namespace,
                    body,
                    field_manager="faultline",
                    _request_timeout=deadline.exchange_s,
                    _preload_content=False,
                    **extra,
                ).data

            if self._asked(patch, target, is_change=not is_dry_run) is not None:
                return body, words
            deadline.pause(0.05)
        raise TransientError(f"{self.name}: others keep changing the deployment {target.deployment}.")

    def _patch_of(self, action: Action, target: Deployment, found: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
        if _noted(found, action):
            return None, "do nothing, as it was done already"
        metadata = {
            "resourceVersion": found["metadata"]["resourceVersion"],
            "annotations": {_annotation(action.kind): action.key},
        }
        if action.kind is ActionKind.RESTART_COMPONENT:
            check_parameters(action)
            stamp = {_RESTARTED_AT: self._clock.now().isoformat()}
            spec: dict[str, Any] = {"template": {"metadata": {"annotations": stamp}}}
            return {"metadata": metadata, "spec": spec}, f"restart deployment {target.deployment}"
        present = found["spec"].get("replicas", 1)
        wanted = wanted_replicas(action, present)
        if not target.min_replicas <= wanted <= target.max_replicas:
            raise PermanentError(
                f"{self.name}: {action.component} would have {wanted} replicas, allowed are {target.min_replicas} to "
                f"{target.max_replicas}."
            )
        if wanted == present:
            return None, f"do nothing, as there are {present} replicas already"
        words = f"scale deployment {target.deployment} from {present} to {wanted} replicas"
        return {"metadata": metadata, "spec": {"replicas": wanted}}, words

    def _await_rollout(self, api: Any, action: Action, deadline: Deadline) -> None:
        shown = ""

        def is_complete() -> bool:
            nonlocal shown
            found = self._read(api, action, deadline)
            status, wanted = found.get("status") or {}, found["spec"].get("replicas", 1)
            counts = [status.get(name) or 0 for name in ("replicas", "updatedReplicas", "availableReplicas")]
            shown = f"{counts[2]} of {wanted} replicas are available"
            is_seen = (status.get("observedGeneration") or 0) >= (found["metadata"].get("generation") or 0)
            return is_seen and counts == [wanted] * 3

        try:
            is_over = deadline.wait_for(is_complete, every_s=0.2)
        except TransientError as error:
            raise InDoubtError(f"{error} Whether the rollout completes cannot be told.") from error
        if not is_over:
            raise InDoubtError(f"{self.name}: {action.component} is patched, and after {deadline.seconds:g} s {shown}.")

    def _read(self, api: Any, action: Action, deadline: Deadline) -> dict[str, Any]:
        target = self._settings.components[action.component]

        def read() -> Any:
            return api.read_namespaced_deployment(
                target.deployment,
                target.namespace,
                _request_timeout=deadline.exchange_s,
                _preload_content=False,
            ).data

        found = self._asked(read, target, is_change=False)
        try:
            document = json.loads(found or b"")
            document["metadata"]["resourceVersion"], document["spec"].get("replicas", 1)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PermanentError(f"{self.name}: the API server's answer cannot be read.") from error
        return dict(document)

    def _asked(self, call: Callable[[], Value], target: Deployment, *, is_change: bool) -> Value | None:
        """Ask the API server; None means a conflict."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError, NewConnectionError

        try:
            return call()
        except ApiException as error:
            status = int(error.status or 0)
            if status == HTTPStatus.CONFLICT:
                return None
            message = f"{self.name}: the API server answers {status} for the deployment {target.deployment}."
            raise (TransientError if status in _PASSING else PermanentError)(message) from error
        except NewConnectionError as error:
            raise TransientError(f"{self.name}: the API server cannot be reached.") from error
        except HTTPError as error:
            message = f"{self.name}: the API server did not answer ({type(error).__name__})."
            raise (InDoubtError if is_change else TransientError)(message) from error

    @contextmanager
    def _api(self) -> Iterator[Any]:
        from kubernetes.client import ApiClient, AppsV1Api

        with ApiClient(self._configuration()) as client:
            try:
                yield AppsV1Api(client)
            finally:
                client.rest_client.pool_manager.clear()

    def _configuration(self) -> "Configuration":
        import kubernetes.config
        from kubernetes.client import Configuration

        config: Any = kubernetes.config  # its functions have no types
        settings, made = self._settings, Configuration()
        try:
            if settings.api_url:
                made.host = settings.api_url
                made.ssl_ca_cert = None if settings.ca_file is None else str(settings.ca_file)
                if settings.token.get_secret_value():
                    made.api_key = {"authorization": f"Bearer {settings.token.get_secret_value()}"}
            elif settings.kubeconfig is not None:
                config.load_kube_config(
                    str(settings.kubeconfig), context=settings.context or None, client_configuration=made
                )
            else:
                config.load_incluster_config(client_configuration=made)
        except (config.ConfigException, OSError) as error:
            raise PermanentError(f"{self.name}: no access to the cluster: {type(error).__name__}.") from error
        made.retries = False
        return made


def _annotation(kind: ActionKind) -> str:
    return f"faultline.local/{kind.lower().replace('_', '-')}"


def _noted(found: dict[str, Any], action: Action) -> bool:
    return (found["metadata"].get("annotations") or {}).get(_annotation(action.kind)) == action.key
