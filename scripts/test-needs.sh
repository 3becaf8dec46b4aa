#!/usr/bin/env bash
# What the tests need beyond Python packages: a Chromium and a HAProxy. Installed where that is allowed, otherwise their
# tests skip.
set -euo pipefail
missing=()
for command in chromium haproxy; do
    command -v "$command" >/dev/null || missing+=("$command")
done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "test: installing ${missing[*]}"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}") \
        >/dev/null || echo "test: ${missing[*]} could not be installed; their tests will say so" >&2
else
    echo "test: no ${missing[*]}, and no right to install; their tests will skip." \
        "Remedy: sudo apt-get install ${missing[*]}" >&2
fi
