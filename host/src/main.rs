//! The program; `wattdog --help` says what it does.

use std::process::ExitCode;

/// librdkafka allocates in one thread and frees in another, which glibc's allocator serves two and a half times slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_memory_small();
    wattdog::cli::main()
}

/// `mi_option_purge_delay` of mimalloc.h, which the crate does not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// What the allocator does with memory that was freed suits a machine of its own; a watchdog is to be a small guest.
fn keep_memory_small() {
    /// How long freed pages stay with the process; mimalloc's own second keeps half of the resident set for nothing. A fetch and
    /// what becomes of it takes some milliseconds, so what is used again at once is still there.
    const PURGE_DELAY_MS: std::ffi::c_long = 10;

    // SAFETY: sets a number, where the environment does not; called before there is another thread.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) };
    // The allocator asks for huge pages, and a queue that was once long then holds twice the memory for good.
    #[cfg(target_os = "linux")]
    // SAFETY: sets a flag of this process; a kernel that does not know it answers with an error, which changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_allocators_option_is_the_one_that_is_meant() {
        // The default of the purge delay in milliseconds, and of no option beside it.
        // SAFETY: reads a number.
        assert_eq!(unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) }, 1_000);
    }
}
