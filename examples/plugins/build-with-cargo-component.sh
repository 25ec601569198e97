#!/usr/bin/env bash
# The way of a plugin's author, with `cargo component` and nothing of wattdog's own tooling: copy the example, test it, build a
# component, score recorded readings with it. Installs cargo-component where it is missing, which takes some minutes.
set -euo pipefail
wattdog=$(cd "$(dirname "$0")/../.." && pwd)
export PATH="$wattdog/target/tools/bin:$PATH"
if ! command -v cargo-component >/dev/null; then
    cargo install --quiet --locked --version 0.21.1 --root "$wattdog/target/tools" cargo-component
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$wattdog/examples/plugins/rust/." "$copy"
sed -i "s#\.\./\.\./\.\./plugins/#$wattdog/plugins/#" "$copy/Cargo.toml"
cd "$copy"
cargo test --quiet --target host-tuple
cargo component build --quiet --release
cp target/wasm32-unknown-unknown/release/stuck_meter.wasm stuck-meter.wasm

case=testcases/one_of_two_hangs
cp "$case/plugin.toml" stuck-meter.toml
# From wattdog's own folder: cargo's configuration here is for components.
(cd "$wattdog" && cargo run --quiet --package wattdog -- score --plugin "$copy/stuck-meter.wasm" \
    --input "$copy/$case/readings.jsonl" --output "$copy/findings.jsonl")
expected=$(grep -c reason "$case/expected.jsonl")
found=$(grep -c '"detector":"stuck-meter"' findings.jsonl || true)
echo "stuck-meter.wasm, $(wc -c <stuck-meter.wasm) bytes: $found findings, $expected expected"
test "$found" = "$expected"
