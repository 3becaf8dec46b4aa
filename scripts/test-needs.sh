#!/usr/bin/env bash
# What the tests need beyond Python packages: a Chromium. Installed where that is allowed, otherwise its tests skip.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "test: installing chromium for the browser tests"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium) >/dev/null \
        || echo "test: chromium could not be installed; browser tests will say so" >&2
else
    echo "test: no chromium, and no right to install it; browser tests will skip. Remedy: sudo apt-get install chromium" >&2
fi
