//! Compiles in a process of its own, under the kernel's limits: the compiler has no bound on time or memory, and a component of a
//! hundred kilobytes can be made to take minutes and gigabytes.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rlimit::Resource;
use wasmtime::Engine;

use crate::compiled::first_line;
use crate::engine::engine_config;
use crate::fault::Fault;
use crate::limits::Limits;

/// The bytes are no component; the reason is what the process printed.
const REFUSED: u8 = 3;
/// The compiler works on all cores; a process that waits for them longer than this is ended.
const PATIENCE: u32 = 4;
const POLL: Duration = Duration::from_millis(5);
const MAX_REASON_BYTES: u64 = 4_096;

/// The program that compiles: it calls [`compile_standard_input`] and does nothing else.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// Which program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Compiler {
    /// Machine code for the component, or why there is none.
    pub(crate) fn compile(&self, bytes: &[u8], limits: &Limits, count_fuel: bool) -> Result<Vec<u8>, Fault> {
        let failed = |error: std::io::Error| Fault::Compiler(format!("{}: {error}", self.program.display()));
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(limits.compile_time.as_secs().max(1).to_string())
            .arg(limits.compile_memory.to_string())
            .arg(count_fuel.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (mut input, mut output, errors) =
            (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        std::thread::scope(|scope| {
            // It may end before it has read everything; then its end says why.
            scope.spawn(move || input.write_all(bytes));
            let code = scope.spawn(move || {
                let mut code = Vec::new();
                output.read_to_end(&mut code).map(|_| code)
            });
            let reason = scope.spawn(move || {
                let mut reason = String::new();
                errors.take(MAX_REASON_BYTES).read_to_string(&mut reason).map(|_| reason)
            });
            let status = wait(&mut child, limits.compile_time.saturating_mul(PATIENCE)).map_err(failed)?;
            let code = code.join().expect("reads only").map_err(failed)?;
            let reason = reason.join().expect("reads only").unwrap_or_default();
            match status.and_then(|status| status.code()) {
                Some(0) => Ok(code),
                Some(code) if code == i32::from(REFUSED) => Err(Fault::Load(crate::text::one_line(reason.trim().to_owned()))),
                Some(_) => Err(Fault::Compiler(crate::text::one_line(reason.trim().to_owned()))),
                // Ended by a signal: out of time, or out of memory.
                None => Err(Fault::Compile { time: limits.compile_time, memory: limits.compile_memory }),
            }
        })
    }
}

/// None: it took too long and was ended.
fn wait(child: &mut Child, longest: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let mut left = longest;
    while let Some(rest) = left.checked_sub(POLL) {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(POLL);
        left = rest;
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The whole of a compiling process: limits itself, reads a component from standard input and writes machine code to standard
/// output. `arguments` are those that the process was given last: seconds of processor time, bytes of memory, whether fuel is counted.
#[expect(clippy::print_stderr, reason = "the reason goes to the process that asked")]
pub fn compile_standard_input(arguments: &[String]) -> ExitCode {
    let [seconds, memory, count_fuel] = arguments else {
        eprintln!("three arguments are needed: seconds, bytes, and whether fuel is counted");
        return ExitCode::from(2);
    };
    let (Ok(seconds), Ok(memory), Ok(count_fuel)) = (seconds.parse(), memory.parse(), count_fuel.parse()) else {
        eprintln!("{seconds:?} and {memory:?} are not both numbers, or {count_fuel:?} is neither true nor false");
        return ExitCode::from(2);
    };
    match compile_limited(seconds, memory, count_fuel) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused(reason)) => {
            eprintln!("{reason}");
            ExitCode::from(REFUSED)
        }
        Err(Failure::Outside(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    Refused(String),
    Outside(std::io::Error),
}

fn compile_limited(seconds: u64, memory: u64, count_fuel: bool) -> Result<(), Failure> {
    rlimit::setrlimit(Resource::CPU, seconds, seconds).map_err(Failure::Outside)?;
    rlimit::setrlimit(Resource::AS, memory, memory).map_err(Failure::Outside)?;
    rlimit::setrlimit(Resource::CORE, 0, 0).map_err(Failure::Outside)?;
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(Failure::Outside)?;
    let refused = |error: wasmtime::Error| Failure::Refused(first_line(&error));
    let engine = Engine::new(&engine_config(count_fuel)).map_err(refused)?;
    let code = engine.precompile_component(&bytes).map_err(refused)?;
    std::io::stdout().lock().write_all(&code).map_err(Failure::Outside)
}
