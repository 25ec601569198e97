//! What this process holds of the machine.

/// Resident memory in bytes, mappings, threads and open files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    resident: u64,
    address_space: u64,
    threads: usize,
    files: usize,
}

/// An allocator keeps some of what was freed; a leak would be of 16 MiB or more for each guest.
const SLACK: u64 = 12 << 20;

impl Held {
    pub(crate) fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let kibibytes = |key: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches("kB").trim().parse().unwrap()
        };
        let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
        Self {
            resident: kibibytes("VmRSS:") << 10,
            address_space: kibibytes("VmSize:") << 10,
            threads: count("/proc/self/task"),
            files: count("/proc/self/fd"),
        }
    }

    /// What there is more than before, in words.
    pub(crate) fn more_than(self, before: Self) -> Option<String> {
        let grown = |now: u64, before: u64| now > before + SLACK;
        // An instance reserves four gibibytes of addresses; one that stays would show.
        let is_more = grown(self.resident, before.resident)
            || self.address_space > before.address_space + (1 << 30)
            || self.threads > before.threads
            || self.files > before.files;
        is_more.then(|| format!("it left something behind: {before:?} before, {self:?} after"))
    }
}
