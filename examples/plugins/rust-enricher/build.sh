#!/usr/bin/env bash
# Tests the plugin and builds its component. Needs Rust with the target wasm32-unknown-unknown, and cargo-component.
set -euo pipefail
cd "$(dirname "$0")"
cargo test --quiet --target host-tuple

if ! command -v cargo-component >/dev/null; then
    echo "cargo-component makes the component, and is not installed. Once: cargo install --locked --version 0.21.1 cargo-component" >&2
    exit 1
fi
cargo component build --quiet --release
cp target/wasm32-unknown-unknown/release/day_night_tariff.wasm day-night-tariff.wasm
echo "day-night-tariff.wasm, $(wc -c <day-night-tariff.wasm) bytes"
