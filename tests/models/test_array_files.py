"""Learnt content on disk comes back as it was, or not at all."""

import json

import numpy as np
import pytest

from models.array_files import ARRAYS, content_version, read_arrays, read_manifest, write_arrays
from models.errors import BundleError

CONTENT = {"format": "thing", "schema_version": 1}
VALUES = {"a/b": np.arange(6.0).reshape(2, 3), "flags": np.array([True, False])}


def manifest_of(directory):
    """As the readers of a thing ask for it."""
    return read_manifest(directory, file_format="thing", schema_version=1, remedy="make it again")


def test_what_is_written_comes_back(tmp_path):
    """The same values and kinds, and the manifest with the hash of the arrays."""
    manifest = manifest_of(write_arrays(tmp_path / "new" / "place", CONTENT, VALUES))
    back = read_arrays(tmp_path / "new" / "place", manifest["arrays_sha256"], remedy="")
    assert {name: array.dtype for name, array in back.items()} == {name: array.dtype for name, array in VALUES.items()}
    assert all((back[name] == VALUES[name]).all() for name in VALUES)


def test_the_version_is_that_of_the_content():
    """The order of the names does not matter; a value, a kind or a shape does."""
    version = content_version("x", CONTENT, VALUES)
    assert version == content_version("x", dict(reversed(CONTENT.items())), dict(reversed(VALUES.items())))
    others = (VALUES["a/b"] + 1, VALUES["a/b"].astype(np.float32), VALUES["a/b"].reshape(3, 2))
    assert len({version, *(content_version("x", CONTENT, VALUES | {"a/b": other}) for other in others)}) == 4
    assert version.startswith("x")
    assert len(version) == 13


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "JSON"), ("[]", "does not describe"), (json.dumps({**CONTENT, "schema_version": 2}), "schema version 2")],
)
def test_a_foreign_manifest_is_refused(tmp_path, text, why):
    """The message says what to do."""
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match=why) as refused:
        manifest_of(tmp_path)
    assert refused.value.remedy == "make it again"


def test_no_manifest_and_no_arrays_are_told(tmp_path):
    """An empty directory."""
    with pytest.raises(BundleError, match="no manifest"):
        manifest_of(tmp_path)
    with pytest.raises(BundleError, match="no arrays"):
        read_arrays(tmp_path, "", remedy="")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x04."])
def test_what_is_no_archive_is_refused(tmp_path, content):
    """Even with the right hash; nothing is unpickled."""
    from hashlib import sha256

    (tmp_path / ARRAYS).write_bytes(content)
    with pytest.raises(BundleError, match="cannot be read"):
        read_arrays(tmp_path, sha256(content).hexdigest(), remedy="")
