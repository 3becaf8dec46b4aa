"""The vendored files are those that were reviewed, complete with their licences, and small."""

import re
from hashlib import sha256
from pathlib import Path

import service.web

STATIC = Path(service.web.__file__).parent / "static"
VENDOR = STATIC / "vendor"


def _sums():
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def test_every_vendored_file_has_the_recorded_checksum():
    """No vendored file was changed, added or lost since it was reviewed."""
    files = {str(p.relative_to(VENDOR)): p for p in VENDOR.rglob("*") if p.is_file()}
    found = {n: sha256(p.read_bytes()).hexdigest() for n, p in files.items() if n not in {"SHA256SUMS", "README.md"}}
    assert found == _sums()


def test_licences_are_shipped():
    """ECharts comes with its licence, its notice, and the licences of what it contains."""
    assert {"echarts/LICENSE", "echarts/NOTICE", "echarts/LICENSE-d3", "echarts/LICENSE-zrender"} <= set(_sums())
    assert "Apache Software Foundation" in (VENDOR / "echarts/NOTICE").read_text()


def test_static_files_stay_small():
    """All static files together weigh less than 1.5 MB."""
    assert sum(p.stat().st_size for p in STATIC.rglob("*") if p.is_file()) < 1_500_000


def test_own_static_files_name_no_other_host():
    """Nothing that we wrote can load from elsewhere; the SVG namespace is a name, not an address."""
    for path in (*STATIC.glob("*.css"), *STATIC.glob("*.js"), *STATIC.glob("*.svg")):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z0-9]", text), path
