//! The WASI that a plugin finds: an empty one.
//!
//! The standard libraries of Python, JavaScript and Rust import WASI whether a plugin uses it or not, so its interfaces are there:
//! no arguments, no environment, no folders, an exhausted input, a clock that stands still, random numbers that are the same for
//! each instance. What is printed goes to the log. All else traps, naming the function.

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};
use wasmtime::{Engine, Result, StoreContextMut, bail};

use crate::contract::v1_bindings::wattdog::plugin::host::Level;
use crate::guest::Guest;

/// What stands for any WASI resource: there is nothing behind one but its number.
struct Handle;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// Pollables and the like.
const OTHER: u32 = 3;

/// What a stream takes at once: bytes of a dynamic call cost a [`Val`] each.
const MAX_WRITE_BYTES: u64 = 4_096;
/// Seeds of hash tables and generators ask for less than a hundred.
const MAX_RANDOM_BYTES: u64 = 4_096;

/// A call: the numbers of its handles, in order, and its arguments.
struct Call<'a, 'b> {
    store: &'a mut StoreContextMut<'b, Guest>,
    handles: Vec<u32>,
    arguments: &'a [Val],
}

type Answer = fn(Call<'_, '_>) -> Result<Val>;

/// Defines every `wasi:` interface that the component imports, under the very version that it names.
pub(crate) fn define(linker: &mut Linker<Guest>, component: &Component) -> Result<()> {
    let engine = linker.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        if let (true, ComponentItem::ComponentInstance(interface)) = (name.starts_with("wasi:"), import.ty) {
            define_interface(&mut linker.instance(name)?, name, &interface, &engine)?;
        }
    }
    Ok(())
}

fn define_interface(
    linker: &mut LinkerInstance<'_, Guest>,
    name: &str,
    interface: &ComponentInstance,
    engine: &Engine,
) -> Result<()> {
    for (item, export) in interface.exports(engine) {
        match export.ty {
            ComponentItem::Resource(_) => linker.resource(item, ResourceType::host::<Handle>(), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(_) => match answer(unversioned(name), item) {
                Some(answer) => linker.func_new(item, move |mut store, _, arguments, results| {
                    let handles = take_handles(&mut store, arguments)?;
                    let value = answer(Call { store: &mut store, handles, arguments })?;
                    if let Some(result) = results.first_mut() {
                        *result = value;
                    }
                    Ok(())
                })?,
                None => {
                    let function = format!("{name}#{item}");
                    linker.func_new(item, move |_, _, _, _| {
                        bail!("it calls `{function}`, and a plugin reaches no files, no network and no other program")
                    })?;
                }
            },
            _ => {}
        }
    }
    Ok(())
}

/// Does a call of that function end in an answer? If not, in a trap.
pub(crate) fn answers(interface: &str, function: &str) -> bool {
    let interface = unversioned(interface);
    interface != "wasi:cli/exit" && answer(interface, function).is_some()
}

fn unversioned(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

/// Numbers of the handles among the arguments. A borrowed handle must be given up before the call ends.
fn take_handles(store: &mut StoreContextMut<'_, Guest>, arguments: &[Val]) -> Result<Vec<u32>> {
    let mut handles = Vec::new();
    for argument in arguments {
        let listed = if let Val::List(items) = argument { items.as_slice() } else { std::slice::from_ref(argument) };
        for item in listed {
            let Val::Resource(handle) = item else { break };
            handles.push(handle.try_into_resource::<Handle>(&mut *store)?.rep());
        }
    }
    Ok(handles)
}

/// What a function answers; none: it traps.
fn answer(interface: &str, function: &str) -> Option<Answer> {
    Some(match (interface, function) {
        ("wasi:cli/environment", "get-environment" | "get-arguments") => empty_list,
        ("wasi:filesystem/preopens", "get-directories") => empty_list,
        ("wasi:cli/environment", "initial-cwd") => none,
        ("wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr", _) => none,
        ("wasi:filesystem/types", "filesystem-error-code") => none,
        ("wasi:cli/exit", _) => |_| bail!("it ended itself (`wasi:cli/exit`)"),
        ("wasi:cli/stdin", "get-stdin") => |call| call.handle(STDIN),
        ("wasi:cli/stdout", "get-stdout") => |call| call.handle(STDOUT),
        ("wasi:cli/stderr", "get-stderr") => |call| call.handle(STDERR),
        ("wasi:clocks/monotonic-clock", "now") => |_| Ok(Val::U64(0)),
        ("wasi:clocks/monotonic-clock", "resolution") => |_| Ok(Val::U64(1)),
        ("wasi:clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration") => |call| call.handle(OTHER),
        ("wasi:clocks/wall-clock", "now") => |_| Ok(datetime(0)),
        ("wasi:clocks/wall-clock", "resolution") => |_| Ok(datetime(1)),
        ("wasi:io/error", "[method]error.to-debug-string") => |_| Ok(Val::String(String::new())),
        ("wasi:io/poll", "[method]pollable.ready") => |_| Ok(Val::Bool(true)),
        ("wasi:io/poll", "[method]pollable.block") => |_| Ok(Val::Bool(true)),
        ("wasi:io/poll", "poll") => |call| Ok(Val::List((0..call.handles.len() as u32).map(Val::U32).collect())),
        ("wasi:io/streams", _) => return stream_answer(function),
        ("wasi:random/random", "get-random-bytes") => random_bytes,
        ("wasi:random/insecure", "get-insecure-random-bytes") => random_bytes,
        ("wasi:random/random", "get-random-u64") => random_u64,
        ("wasi:random/insecure", "get-insecure-random-u64") => random_u64,
        ("wasi:random/insecure-seed", _) => |_| Ok(Val::Tuple(vec![Val::U64(1), Val::U64(2)])),
        _ => return None,
    })
}

fn stream_answer(function: &str) -> Option<Answer> {
    let (_, method) = function.split_once('.')?;
    Some(match method {
        "read" | "blocking-read" | "skip" | "blocking-skip" => {
            |_| Ok(Val::Result(Err(Some(Box::new(Val::Variant("closed".into(), None))))))
        }
        "check-write" => |_| Ok(Val::Result(Ok(Some(Box::new(Val::U64(MAX_WRITE_BYTES)))))),
        "write" | "blocking-write-and-flush" => print,
        "flush" | "blocking-flush" => |_| Ok(Val::Result(Ok(None))),
        "subscribe" => |call| call.handle(OTHER),
        _ => return None,
    })
}

impl Call<'_, '_> {
    fn handle(self, number: u32) -> Result<Val> {
        let handle = Resource::<Handle>::new_own(number);
        Ok(Val::Resource(handle.try_into_resource_any(self.store)?))
    }
}

fn empty_list(_: Call<'_, '_>) -> Result<Val> {
    Ok(Val::List(Vec::new()))
}

fn none(_: Call<'_, '_>) -> Result<Val> {
    Ok(Val::Option(None))
}

fn datetime(nanoseconds: u32) -> Val {
    Val::Record(vec![("seconds".into(), Val::U64(0)), ("nanoseconds".into(), Val::U32(nanoseconds))])
}

fn print(call: Call<'_, '_>) -> Result<Val> {
    let level = match call.handles[..] {
        [STDERR] => Level::Error,
        _ => Level::Info,
    };
    if let Some(Val::List(bytes)) = call.arguments.last() {
        let bytes = bytes.iter().map(|byte| if let Val::U8(byte) = byte { *byte } else { b'?' }).collect::<Vec<_>>();
        call.store.data_mut().print(level, &bytes);
    }
    Ok(Val::Result(Ok(None)))
}

fn random_u64(call: Call<'_, '_>) -> Result<Val> {
    Ok(Val::U64(call.store.data_mut().next_random()))
}

fn random_bytes(call: Call<'_, '_>) -> Result<Val> {
    let length = match call.arguments {
        [Val::U64(length)] if *length <= MAX_RANDOM_BYTES => *length,
        _ => bail!("it asks for more than {MAX_RANDOM_BYTES} random bytes at once"),
    };
    let guest = call.store.data_mut();
    Ok(Val::List((0..length).map(|_| Val::U8((guest.next_random() >> 56) as u8)).collect()))
}
