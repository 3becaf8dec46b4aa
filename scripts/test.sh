#!/usr/bin/env bash
# The whole test suite. FAULTLINE_TEST_STRICT=1 turns every skip into a failure (.ci/run sets it).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/test-needs.sh
exec .venv/bin/python -m pytest "$@"
