#!/usr/bin/env bash
# Tests the plugin and builds its component: ./build.sh [detector|enricher].
# Needs Python 3.11 or later; the rest is installed here.
set -euo pipefail
cd "$(dirname "$0")"
world=${1:-$([ -f detector.py ] && echo detector || echo enricher)}
# A plugin's own folder has its copy of the contract; this one is beside wattdog's.
wit=wit
[ -d "$wit" ] || wit=../../../wit/v1

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
.venv/bin/python -m unittest --quiet

# The file is called as the plugin calls itself.
name=$(.venv/bin/python -c "import $world; print($world.Lifecycle().describe().name)")
.venv/bin/componentize-py --quiet --wit-path "$wit" --world "$world" componentize --stub-wasi --output "$name.wasm" "$world"
echo "$name.wasm, $(wc -c <"$name.wasm") bytes"
