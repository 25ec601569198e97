//! The program; `wattdog --help` says what it does.

use std::process::ExitCode;

/// librdkafka allocates in one thread and frees in another, which glibc's allocator serves two and a half times slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_pages_small();
    wattdog::cli::main()
}

/// The allocator asks for huge pages, and a queue that was once long then holds twice the memory for good.
fn keep_pages_small() {
    #[cfg(target_os = "linux")]
    // SAFETY: sets a flag of this process; a kernel that does not know it answers with an error, which changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}
