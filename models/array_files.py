"""Learnt content on disk: a directory with a manifest (JSON) and arrays, versioned and hashed, and never a pickle."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import BundleError

MANIFEST, ARRAYS = "manifest.json", "arrays.npz"


def content_version(prefix: str, content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Name content by what it is.

    Parameters
    ----------
    prefix
        One letter for the kind of content.
    content
        JSON-ready.
    arrays
        By path.

    Returns
    -------
    str
        The prefix and 12 hexadecimal digits of the SHA-256.
    """
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape}".encode())
        digest.update(array.data)
    return f"{prefix}{digest.hexdigest()[:12]}"


def write_arrays(directory: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write manifest and arrays; what is there is replaced.

    Parameters
    ----------
    directory
        Created if need be.
    manifest
        JSON-ready; the hash of the arrays is added.
    arrays
        By path.

    Returns
    -------
    Path
        The directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ARRAYS).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    hashed = {**manifest, "arrays_sha256": hashlib.sha256((directory / ARRAYS).read_bytes()).hexdigest()}
    (directory / MANIFEST).write_text(json.dumps(hashed, indent=1, sort_keys=True), encoding="utf-8")
    return directory


def read_manifest(directory: Path, *, file_format: str, schema_version: int, remedy: str) -> dict[str, Any]:
    """Read a manifest and check what it says of itself.

    Parameters
    ----------
    directory
        Where it is.
    file_format
        That the manifest must name.
    schema_version
        That this program reads.
    remedy
        What to do where the content cannot be used.

    Returns
    -------
    dict
        As written.

    Raises
    ------
    BundleError
        If there is none, or it is of another format or schema.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise BundleError(f"{directory} holds no {MANIFEST}.", remedy=remedy)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path} is not readable JSON.", remedy=remedy) from error
    if not isinstance(manifest, dict) or manifest.get("format") != file_format:
        raise BundleError(f"{path} does not describe a {file_format}.", remedy=remedy)
    if manifest.get("schema_version") != schema_version:
        raise BundleError(
            f"{directory} has schema version {manifest.get('schema_version')}; this program reads {schema_version}.",
            remedy=remedy,
        )
    return manifest


def read_arrays(directory: Path, sha256: str, *, remedy: str) -> dict[str, NDArray[Any]]:
    """Read the arrays and check that they are those of the manifest.

    Parameters
    ----------
    directory
        Where they are.
    sha256
        From the manifest.
    remedy
        What to do where they cannot be used.

    Returns
    -------
    dict of str to ndarray
        By path.

    Raises
    ------
    BundleError
        If they are absent, damaged or changed.
    """
    path = directory / ARRAYS
    if not path.is_file():
        raise BundleError(f"{directory} holds no {ARRAYS}.", remedy=remedy)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise BundleError(f"{path} is damaged or was changed: its SHA-256 differs.", remedy=remedy)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} cannot be read as arrays: {error}", remedy=remedy) from error
