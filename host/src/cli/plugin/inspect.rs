//! `wattdog plugin inspect`: what is this file?

use std::path::PathBuf;

use anyhow::anyhow;
use bytesize::ByteSize;
use wattdog_plugin_runtime::{ColumnSpec, Description, Import, ParamSpec};

use crate::kit::Component;
use crate::kit::inspect::{Started, column_type_word, describe, kind_word, millis, param_type_word, to_json};

/// Say what a component is: name, inputs, parameters, imports, size.
///
/// The sidecar beside it is used where there is one. Functions of WASI that a component imports are named when a call would trap.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wattdog plugin inspect plugins/kmeans.wasm
  wattdog plugin inspect plugins/kmeans.wasm --json | jq .params")]
pub(in crate::cli) struct Args {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let component = Component::open(&args.file).map_err(|error| anyhow!(error))?;
    let (description, started) = describe(&component).map_err(|reason| anyhow!("{}: {reason}", args.file.display()))?;
    if args.json {
        println!("{:#}", to_json(&component, &description, &started));
    } else {
        println!("{}", report(&component, &description, &started));
    }
    Ok(())
}

fn report(component: &Component, description: &Description, started: &Result<Started, String>) -> String {
    let Description { name, version, summary, inputs, outputs, params, numbers, .. } = description;
    let mut lines = vec![format!("{name} {version}, {}: {summary}", kind_word(component.kind()))];
    let mut say = |title: &str, text: String| lines.push(format!("{title:<12} {text}"));
    say("file", format!("{}, {}", component.file.display(), size(component.bytes)));
    say("sha256", component.compiled.digest().to_owned());
    say("contract", format!("wattdog:plugin@{}", component.compiled.contract().unwrap_or_default()));
    list("imports", component.compiled.imports().iter().map(import), &mut say);
    list("reads", inputs.iter().map(column), &mut say);
    list("adds", outputs.iter().map(output), &mut say);
    list("params", params.iter().map(param), &mut say);
    list("numbers", numbers.iter().map(|n| format!("{}{}: {}", n.name, in_unit(&n.unit), n.text)), &mut say);
    say("model", if description.needs_model { "needed" } else { "not needed" }.into());
    say("state", state(description));
    let from = if component.compiled.from_cache() { "was compiled before" } else { "a host finds it compiled now" };
    say("compiles in", format!("{:.0} ms; {from}", millis(component.compile_time)));
    say(
        "starts in",
        match started {
            Ok(started) => format!("{:.1} ms, with {} of memory", millis(started.time), size(started.memory_bytes)),
            Err(reason) => format!("does not start: {reason}"),
        },
    );
    lines.join("\n")
}

fn list(title: &str, entries: impl Iterator<Item = String>, say: &mut impl FnMut(&str, String)) {
    for (index, entry) in entries.enumerate() {
        say(if index == 0 { title } else { "" }, entry);
    }
}

fn size(bytes: usize) -> String {
    ByteSize::b(bytes as u64).to_string()
}

fn in_unit(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" in {unit}") }
}

fn import(import: &Import) -> String {
    match &import.trapping[..] {
        [] => import.interface.clone(),
        [first] => format!("{}: a call of {first} traps", import.interface),
        [first, rest @ ..] => format!("{}: a call of {first} and {} more traps", import.interface, rest.len()),
    }
}

fn column(column: &ColumnSpec) -> String {
    let optional = if column.required { "" } else { ", may be missing" };
    output(column) + optional
}

fn output(column: &ColumnSpec) -> String {
    format!("{}, {}{}", column.name, column_type_word(column.type_), in_unit(&column.unit))
}

fn param(param: &ParamSpec) -> String {
    let ParamSpec { name, type_, unit, default, minimum, maximum, text } = param;
    let default = default.as_ref().map_or_else(|| "must be given".to_owned(), |default| format!("default {default}"));
    let bounds = match (minimum, maximum) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        (Some(low), None) => format!(", at least {low}"),
        (None, Some(high)) => format!(", at most {high}"),
        (None, None) => String::new(),
    };
    format!("{name}, {}{}, {default}{bounds}: {text}", param_type_word(*type_), in_unit(unit))
}

fn state(description: &Description) -> String {
    let Description { stateful, state_version, oldest_state_version, .. } = description;
    match (stateful, state_version == oldest_state_version) {
        (false, _) => "none".into(),
        (true, true) => format!("for each meter, format {state_version}"),
        (true, false) => format!("for each meter, format {state_version}; reads from {oldest_state_version} on"),
    }
}
