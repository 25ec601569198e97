//! Files that are no plugins, and components made to hurt the one who compiles or starts them.

use std::fmt::Write as _;

use wattdog_plugin_runtime::Fault;

use crate::Outcome;
use crate::guests::{Call, Case, guest};

fn is_load(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Load(_)))
}

fn is_link(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Link(_)))
}

fn is_compile(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Compile { .. }))
}

fn is_trap(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Trap { .. }))
}

pub(crate) fn cases() -> Vec<Case> {
    let whole = guest("misdeeds");
    let half = whole[..whole.len() / 2].to_vec();
    let mut flipped = whole;
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].iter_mut().for_each(|byte| *byte = !*byte);
    let cases: Vec<(&str, Vec<u8>, Outcome)> = vec![
        ("an empty file", Vec::new(), is_load),
        ("a text", b"hello".to_vec(), is_load),
        ("a truncated component", half, is_load),
        ("a damaged component", flipped, |came| came.is_err()),
        ("a core module", text("(module)"), is_load),
        ("a component of no world", text("(component)"), is_link),
        ("a component of another world", another_world(), is_link),
        (
            "asks for what is not in the contract",
            text(r#"(component (import "evil:host/root@1.0.0" (instance (export "shell" (func)))))"#),
            is_link,
        ),
        ("larger than it may be", vec![0; (4 << 20) + 1], |came| {
            matches!(came, Err(Fault::ComponentSize { limit: 4_194_304, .. }))
        }),
        ("data segments of three megabytes", giant_data(), |came| matches!(came, Ok(answer) if answer.starts_with("[7.0, 8.0]"))),
        ("a memory of four gigabytes", good_with("(memory 65535)"), |came| matches!(came, Err(Fault::Memory { .. }))),
        ("a table of a million entries", good_with("(table 1000000 funcref)"), is_trap),
        ("a table that grows and grows", good_with(GROWING_TABLE), is_trap),
        ("two memories", core(r#"(memory 1) (memory 1)"#), is_load),
        ("a 64-bit memory", core(r#"(memory i64 1)"#), is_load),
        ("a shared memory", core(r#"(memory 1 1 shared)"#), is_load),
        ("a thousand instances", instances(1_000), is_load),
        ("as many instances as the engine takes", instances(900), is_trap),
        ("loops before it is asked anything", good_with("(func $f (loop $l (br $l))) (start $f)"), |came| {
            matches!(came, Err(Fault::Deadline { key: "start_time", .. }))
        }),
        ("traps before it is asked anything", good_with("(func $f unreachable) (start $f)"), is_trap),
        ("compile bomb: nested loops", nested_loops(), is_compile),
        ("compile bomb: locals and blocks", locals_and_blocks(), is_compile),
        ("type bomb", type_bomb(), |came| came.is_err()),
    ];
    cases
        .into_iter()
        .map(|(name, bytes, outcome)| Case {
            name: name.into(),
            bytes,
            params: serde_json::json!({ "misdeed": "none" }),
            call: Call::Score,
            outcome,
        })
        .collect()
}

fn text(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

/// A component that starts a core module.
fn core(fields: &str) -> Vec<u8> {
    text(&format!("(component (core module $m {fields}) (core instance (instantiate $m)))"))
}

/// A good component that starts this module too.
fn good_with(fields: &str) -> Vec<u8> {
    good_and(&format!("(core module $more {fields}) (core instance (instantiate $more))"))
}

fn good_and(more: &str) -> Vec<u8> {
    let good = wasmprinter::print_bytes(guest("misdeeds")).unwrap();
    let end = good.rfind(')').unwrap();
    text(&format!("{}{more})", &good[..end]))
}

fn another_world() -> Vec<u8> {
    text(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $api (export "call" (func $f)))
            (export "other:pkg/api@1.0.0" (instance $api)))"#,
    )
}

/// Grows until it is not allowed to, and traps then.
const GROWING_TABLE: &str = "
    (table $t 1 funcref)
    (func $f (loop $more
        (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
        unreachable)
    (start $f)";

/// As much as a component may have; it is held once, not for each instance.
fn giant_data() -> Vec<u8> {
    good_with(&format!(r#"(memory 64) (data (i32.const 0) "{}")"#, "x".repeat(3 << 20)))
}

fn instances(count: usize) -> Vec<u8> {
    good_and(&format!("(core module $more) {}", "(core instance (instantiate $more))".repeat(count)))
}

fn nested_loops() -> Vec<u8> {
    let depth = 5_000;
    core(&format!("(func (export \"f\") (param i32) {}{})", "(loop (br_if 0 (local.get 0)) ".repeat(depth), ")".repeat(depth)))
}

fn locals_and_blocks() -> Vec<u8> {
    let mut body = String::from("(func (export \"f\") (param i32) ");
    body.push_str("(local ");
    body.push_str(&"i32 ".repeat(10_000));
    body.push(')');
    for block in 0..20_000 {
        let local = block % 10_000 + 1;
        write!(body, "(block (br_if 0 (local.get 0)) (local.set {local} (i32.add (local.get {local}) (i32.const {block}))))")
            .unwrap();
    }
    body.push(')');
    core(&body)
}

/// Each type holds two of the one before.
fn type_bomb() -> Vec<u8> {
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for at in 1..40 {
        write!(types, "(type $t{at} (tuple $t{} $t{}))", at - 1, at - 1).unwrap();
    }
    text(&format!("(component {types})"))
}
