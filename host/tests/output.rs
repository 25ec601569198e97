//! What the program says when its output cannot be written.

use std::io::Read as _;
use std::process::{Command, Stdio};

const MANY_ROWS: [&str; 4] = ["generate", "training", "--rows", "100000"];

fn wattdog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    command.env_remove("RUST_BACKTRACE");
    command
}

/// Its exit code and what it said on standard error.
fn outcome(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let mut program =
        wattdog().args(MANY_ROWS).args(["--output", "-"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 100];
    program.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_in_one_line_with_the_name_of_the_file() {
    let reason = "No space left on device (os error 28)\n";
    let file = outcome(wattdog().args(MANY_ROWS).args(["--output", "/dev/full"]));
    assert_eq!(file, (Some(1), format!("wattdog: cannot write /dev/full: {reason}")));

    let full = || std::fs::File::create("/dev/full").unwrap();
    let standard = (Some(1), format!("wattdog: cannot write standard output: {reason}"));
    assert_eq!(outcome(wattdog().args(MANY_ROWS).args(["--output", "-"]).stdout(full())), standard);
    assert_eq!(outcome(wattdog().args(["config", "show"]).stdout(full())), standard);
    assert_eq!(outcome(wattdog().args(["completions", "bash"]).stdout(full())), standard);
}
