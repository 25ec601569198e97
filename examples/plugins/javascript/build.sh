#!/usr/bin/env bash
# Tests the plugin and builds its component: ./build.sh [detector|enricher].
# Needs Node.js 20 or later; the rest is installed here.
set -euo pipefail
cd "$(dirname "$0")"
world=${1:-$([ -f detector.js ] && echo detector || echo enricher)}

# Again only when the list of packages has changed.
[ node_modules/.package-lock.json -nt package.json ] || npm install --no-audit --no-fund --loglevel=error
node --test --test-reporter=dot
node build.js "$world"
