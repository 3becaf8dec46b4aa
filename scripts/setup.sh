#!/usr/bin/env bash
# Prepare .venv in the checkout from requirements.lock; instant when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.faultline-setup
want=$(cat requirements.lock requirements-uv.lock pyproject.toml scripts/setup.sh | sha256sum)
if [ -x .venv/bin/faultline ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
    exit 0
fi

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c \
            'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "setup: no Python 3.11, 3.12 or 3.13 found. Install one, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 2
fi

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
    echo "setup: creating .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
        else
            echo "setup: $python has no venv module. Remedy: sudo apt-get install python3-venv" >&2
            exit 2
        fi
    fi
    "$python" -m venv .venv
fi
if [ ! -x .venv/bin/uv ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
fi
echo "setup: installing the locked packages (about 1 GB on disk, a minute or two the first time)"
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
printf '%s\n' "$want" > "$stamp"
echo "setup: ready, .venv/bin/faultline"
