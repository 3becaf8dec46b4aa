"""The errors of Faultline, in one tree.

::

    FaultlineError
    ├── InputError            a file, a frame or a request cannot be used as it is
    │   └── CaseError         an incident case breaks the case format
    ├── ConfigurationError    a setting, strategy, rule or boundary is wrong
    ├── NotFittedError        a detector is asked to score before it was fitted
    ├── ContractError         a detector breaks the contract of models.detector
    ├── BundleError           a trained bundle is foreign, damaged, or of another version
    ├── TrackingError         the MLflow store cannot do what is asked
    └── UnknownNameError      a component, detector, strategy or incident that nobody declared

Every message names the offender and the remedy; the same facts are fields, so that callers need not parse prose.
"""

from collections.abc import Iterable


class FaultlineError(Exception):
    """Base of every error that Faultline raises on purpose.

    Parameters
    ----------
    message
        What is wrong, naming the offender.
    remedy
        What the reader can do about it; appended to the message when not empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        stop = "" if message.endswith((".", "!", "?", ":")) else "."
        super().__init__(f"{message}{stop} Remedy: {remedy}" if remedy else message)
        self.remedy = remedy


class InputError(FaultlineError):
    """A file, a frame or a request cannot be used as it is.

    Parameters
    ----------
    problem
        What is wrong, without the place.
    source
        The file or the name of the input.
    column
        The column, if one is at fault.
    row
        Zero-based data row (headers not counted), if one is at fault.
    remedy
        What the reader can do.
    """

    def __init__(
        self, problem: str, *, source: str = "", column: str = "", row: int | None = None, remedy: str = ""
    ) -> None:
        place = ", ".join(
            part
            for part in (
                source,
                f"column {column!r}" if column else "",
                f"row {row}" if row is not None else "",
            )
            if part
        )
        super().__init__(f"{place}: {problem}" if place else problem, remedy=remedy)
        self.problem = problem
        self.source = source
        self.column = column
        self.row = row


class CaseError(InputError):
    """An incident case breaks the case format."""


class ConfigurationError(FaultlineError):
    """A setting, strategy, rule or boundary is wrong."""


class NotFittedError(FaultlineError):
    """A detector is asked to score before it was fitted."""


class ContractError(FaultlineError):
    """A detector breaks the contract of ``models.detector``."""


class BundleError(FaultlineError):
    """A trained bundle is foreign, damaged, or of another version."""


class TrackingError(FaultlineError):
    """The MLflow store cannot do what is asked."""


class UnknownNameError(FaultlineError):
    """A name that nobody declared.

    Parameters
    ----------
    kind
        What the name should denote, for example ``component``.
    name
        The name that was asked for.
    known
        The names that exist; the message shows at most eight of them.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        listed = sorted(known)
        shown = ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")
        super().__init__(f"Unknown {kind} {name!r}.", remedy=f"Use one of: {shown}." if listed else "")
        self.kind = kind
        self.name = name
        self.known = tuple(listed)
