//! The program; `wattdog --help` says what it does.

use std::process::ExitCode;

/// librdkafka allocates in one thread and frees in another, which glibc's allocator serves two and a half times slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wattdog::cli::main()
}
