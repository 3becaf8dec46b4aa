"""What each actuator may do, to whom and within what time: checked when the settings are read, before anything acts.

An actuator names its components itself: what is not listed is not touched, and what is not in ``allow`` is not done.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from service.ports import ActionKind
from service.recovery.isolations import REVERSALS

_SERVER = re.compile(r"[\w.:-]+/[\w.:-]+")
_VALUE = re.compile(r"[\w.:@%+/=,][\w.:@%+/=, -]*")
_SCALING = frozenset({ActionKind.SCALE_UP, ActionKind.SCALE_DOWN})
_ISOLATING = frozenset({ActionKind.ISOLATE_COMPONENT, ActionKind.RELEASE_COMPONENT})
_BACKUP = frozenset({ActionKind.ENABLE_BACKUP, ActionKind.DISABLE_BACKUP})
_REDIRECTING = frozenset({ActionKind.REDIRECT_TRAFFIC, ActionKind.RESTORE_TRAFFIC})

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
ServerName = Annotated[str, Field(pattern=rf"^{_SERVER.pattern}$")]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ActingSettings(_Checked):
    """What all actuators have in common."""

    able: ClassVar[frozenset[ActionKind]] = frozenset(ActionKind)
    """What a peer of this type can do at all."""
    allow: tuple[ActionKind, ...] = Field(min_length=1)
    """What this one may do; nothing else is done. Whoever may do something may also take it back."""
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """An exchange ends within so many seconds, verification included; see ``longest_s`` for the whole action."""

    @property
    def longest_s(self) -> float:
        """No action takes longer, seconds: a last question may begin at the end of the time."""
        return self.timeout_s + 1

    @field_validator("allow")
    @classmethod
    def _able(cls, allow: tuple[ActionKind, ...]) -> tuple[ActionKind, ...]:
        beyond = sorted(set(allow) - cls.able)
        if beyond:
            raise ValueError(f"it cannot do {', '.join(beyond)}; it can do {', '.join(sorted(cls.able))}")
        for kind in allow:
            undo = REVERSALS.get(kind)
            if undo is not None and undo not in allow:
                raise ValueError(f"{kind} is allowed and {undo} is not: it could never be taken back; allow both")
        return allow


class Programs(_Checked):
    """A component under supervisor."""

    programs: tuple[Name, ...] = Field(min_length=1)
    """Its processes, ``name`` or ``group:name``: they run unless it is isolated."""
    slots: tuple[Name, ...] = ()
    """Further processes, declared with ``autostart=false``: scaling starts and stops them in this order."""

    @model_validator(mode="after")
    def _distinct(self) -> "Programs":
        names = (*self.programs, *self.slots)
        if len(set(names)) < len(names):
            raise ValueError("a process is named twice")
        return self


class SupervisorSettings(ActingSettings):
    """A supervisor, reached by XML-RPC."""

    able: ClassVar[frozenset[ActionKind]] = _SCALING | _ISOLATING | {ActionKind.RESTART_COMPONENT}
    type: Literal["supervisor"]
    url: str = Field(pattern=r"^(unix:///.+|https?://.+)$")
    """``unix:///run/supervisor.sock`` or ``http://127.0.0.1:9001``."""
    username: str = ""
    password: SecretStr = SecretStr("")
    components: dict[Name, Programs] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_slots(self) -> "SupervisorSettings":
        if set(self.allow) & _SCALING and not any(target.slots for target in self.components.values()):
            raise ValueError("scaling is allowed, and no component has slots; give slots, or allow no scaling")
        return self


class Servers(_Checked):
    """A component behind HAProxy."""

    servers: tuple[ServerName, ...] = Field(min_length=1)
    """``backend/server``, as in HAProxy's configuration."""
    backups: tuple[ServerName, ...] = ()
    """Servers of the same backend with the word ``backup``: they serve when the others are in maintenance."""


class HaproxySettings(ActingSettings):
    """A HAProxy, reached by its runtime socket; the socket needs ``level admin``."""

    able: ClassVar[frozenset[ActionKind]] = _ISOLATING | _REDIRECTING | _BACKUP
    type: Literal["haproxy"]
    url: str = Field(pattern=r"^(unix:///.+|tcp://[^/]+:\d+)$")
    """``unix:///run/haproxy/admin.sock`` or ``tcp://127.0.0.1:9999``."""
    drain_s: float = Field(default=30.0, ge=0, le=3600)
    """An isolation waits so long for the requests that are under way; 0 does not wait."""
    min_serving: int = Field(default=1, ge=0, le=1000)
    """So many servers of a backend must be left that serve; 0 allows to take the last."""
    routes_map: str = Field(default="", pattern=r"^[^\s;\\#]*$")
    """File of the map that HAProxy looks closed routes up in, as its configuration names it; docs/actuators.md."""
    components: dict[Name, Servers] = Field(min_length=1)

    @property
    def longest_s(self) -> float:
        """The change, then the wait for open requests, seconds."""
        return self.timeout_s + self.drain_s + 2

    @model_validator(mode="after")
    def _has_backups(self) -> "HaproxySettings":
        if set(self.allow) & _BACKUP and not any(target.backups for target in self.components.values()):
            raise ValueError("a backup is allowed, and no component has backups; name them, or allow no backup")
        return self


class WebhookSettings(ActingSettings):
    """A receiver of signed requests, as in Standard Webhooks."""

    type: Literal["webhook"]
    url: str = Field(pattern=r"^https?://.+$")
    status_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Asked ``?id=...`` whether a request was carried out, if the receiver can tell; see docs/actuators.md."""
    secret: SecretStr
    """``whsec_`` and 24 to 64 bytes in base64."""
    attempts: int = Field(default=3, ge=1, le=10)
    """Tries in all, with one id, within ``timeout_s``."""
    components: tuple[Name, ...] = Field(min_length=1)

    @field_validator("secret")
    @classmethod
    def _strong(cls, secret: SecretStr) -> SecretStr:
        try:
            key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
        except (ValueError, TypeError):
            key = b""
        if not 24 <= len(key) <= 64:
            raise ValueError("it must be whsec_ and 24 to 64 bytes in base64")
        return secret


class Deployment(_Checked):
    """A component in Kubernetes."""

    deployment: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = "default"
    min_replicas: int = Field(default=1, ge=0, le=10_000)
    max_replicas: int = Field(default=10, ge=1, le=10_000)
    """Scaling beyond is refused."""


class KubernetesSettings(ActingSettings):
    """An API server of Kubernetes."""

    able: ClassVar[frozenset[ActionKind]] = _SCALING | {ActionKind.RESTART_COMPONENT}
    type: Literal["kubernetes"]
    timeout_s: float = Field(default=120.0, gt=0, le=3600)
    api_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Address of the API server; empty: from ``kubeconfig``, or from the pod that this runs in if that is empty too."""
    token: SecretStr = SecretStr("")
    ca_file: Path | None = None
    kubeconfig: Path | None = None
    context: str = ""
    components: dict[Name, Deployment] = Field(min_length=1)


class CommandTemplate(_Checked):
    """How one action is done by a local command."""

    run: tuple[str, ...] = Field(min_length=1)
    """Program and arguments; ``{component}``, ``{key}`` and the values of a component may stand in arguments."""
    probe: tuple[str, ...] = ()
    """Exit code 0: the effect is in place, 1: it is not, anything else: nobody knows. Empty: nobody knows."""
    dry_run: tuple[str, ...] = ()
    """Must change nothing; empty: a dry run says what would be called."""

    @model_validator(mode="after")
    def _absolute(self) -> "CommandTemplate":
        for argv in (self.run, self.probe, self.dry_run):
            if argv and (not argv[0].startswith("/") or "{" in argv[0]):
                raise ValueError(f"{argv[0]!r} is no absolute path of a program")
            if any("\0" in argument for argument in argv):
                raise ValueError("an argument holds a null byte")
        return self


class CommandSettings(ActingSettings):
    """Programs of this machine, called without a shell."""

    type: Literal["command"]
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    max_output_bytes: int = Field(default=16_384, ge=0, le=1_000_000)
    """More of what a command says is thrown away."""
    environment: dict[str, SecretStr] = {}
    """The whole environment of the commands, next to PATH and LANG; the values are never told."""
    commands: dict[ActionKind, CommandTemplate] = Field(min_length=1)
    components: dict[Name, dict[str, str]] = Field(min_length=1)
    """Component to the values of its placeholders."""

    @property
    def longest_s(self) -> float:
        """The command, its probe, and the end of both, seconds."""
        return 2 * self.timeout_s + 5

    @model_validator(mode="after")
    def _fits(self) -> "CommandSettings":
        for kind in self.allow:
            if kind not in self.commands:
                raise ValueError(f"{kind} is allowed and has no command; it has {', '.join(sorted(self.commands))}")
        for component, values in self.components.items():
            _check_values(component, values)
            for kind, template in self.commands.items():
                _check_placeholders(component, {"component", "key", *values}, kind, template)
        return self


def _check_values(component: str, values: Mapping[str, str]) -> None:
    """Check what will stand in a command line: a value that begins with a dash would be read as an option."""
    for name, value in {"component": component, **values}.items():
        if not _VALUE.fullmatch(value):
            raise ValueError(
                f"component {component!r}: {name} cannot stand in a command; use letters, digits, .:@%+/=,-"
            )


def _check_placeholders(component: str, known: set[str], kind: ActionKind, template: CommandTemplate) -> None:
    for argument in (*template.run, *template.probe, *template.dry_run):
        try:
            parts = list(Formatter().parse(argument))
        except ValueError as error:
            raise ValueError(f"{kind}: {argument!r}: {error}; write a brace as two") from error
        for _, name, form, conversion in parts:
            if name is not None and (name not in known or form or conversion):
                raise ValueError(f"{kind}: {{{name}}} is no value of component {component!r}; it has {sorted(known)}")


ActuatorSettings = Annotated[
    SupervisorSettings | HaproxySettings | WebhookSettings | KubernetesSettings | CommandSettings,
    Field(discriminator="type"),
]
