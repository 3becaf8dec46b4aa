"""JSON objects in files, the way cases and suites hold them."""

import json
from pathlib import Path
from typing import Any

from models.errors import CaseError


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path
        The file, UTF-8.

    Returns
    -------
    dict
        As it stands in the file.

    Raises
    ------
    CaseError
        If the file is absent, is not JSON, or holds something else than an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CaseError("there is no such file", source=str(path), remedy="check the path and the format") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise CaseError(f"not readable as JSON: {fault}", source=str(path), remedy="write it anew") from fault
    if not isinstance(content, dict):
        raise CaseError("not a JSON object", source=str(path), remedy="see the format of cases and suites")
    return content


def write_object(path: Path, content: dict[str, Any]) -> None:
    """Write one JSON object, indented, UTF-8.

    Parameters
    ----------
    path
        The file; replaced if it exists.
    content
        JSON-ready.
    """
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
