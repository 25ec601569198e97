//! How a plugin can fail, layer by layer, each in one line that says what to do.

use std::time::Duration;

/// Why a call into a guest did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `unreachable`: in Rust, a panic; its text is in the log.
    Unreachable,
    /// The call stack was used up.
    StackOverflow,
    /// Any other trap.
    Other,
}

impl Trap {
    /// The word of metrics and dead letters.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::StackOverflow => "stack-overflow",
            Self::Other => "trap",
        }
    }
}

/// A plugin's failure. The caller adds the plugin's name.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The engine does not start.
    #[error("this machine cannot run WebAssembly: {0}")]
    Engine(String),
    /// The file is not a component.
    #[error("not a WebAssembly component: {0}; build it with `cargo component build --release`")]
    Load(String),
    /// The component asks for what there is not, or lacks what is needed.
    #[error("does not fit the contract wattdog:plugin@1: {0}")]
    Link(String),
    /// The process that compiles could not do its work.
    #[error("cannot compile it: {0}")]
    Compiler(String),
    /// The file is larger than it may be.
    #[error("{length} bytes, more than {limit}; raise `limits.component` if that is its nature")]
    ComponentSize {
        /// Its bytes.
        length: usize,
        /// The limit that struck, in bytes.
        limit: usize,
    },
    /// Compiling it took more than it may.
    #[error(
        "compiling it takes more than {time:?} of processor time or {memory} bytes; raise `limits.compile_time` or `limits.compile_memory`"
    )]
    Compile {
        /// The limit of processor time.
        time: Duration,
        /// The limit of address space, in bytes.
        memory: u64,
    },
    /// The state of a meter is larger than it may be.
    #[error("the state of a meter has {length} bytes, more than {limit}; raise `limits.state`")]
    StateSize {
        /// Its bytes.
        length: usize,
        /// The limit that struck, in bytes.
        limit: usize,
    },
    /// It ran longer than it may.
    #[error("ran longer than {limit:?}; raise `limits.{key}` if that is its nature")]
    Deadline {
        /// The limit that struck.
        limit: Duration,
        /// Its key in the sidecar.
        key: &'static str,
    },
    /// It asked for more memory than it may have and could not go on.
    #[error("needs more than {limit} bytes of memory; raise `limits.memory`")]
    Memory {
        /// The limit that struck, in bytes.
        limit: usize,
    },
    /// It returned more than it may.
    #[error("returned more than {limit} bytes beyond its dense columns; raise `limits.output`")]
    OutputSize {
        /// The limit that struck, in bytes.
        limit: usize,
    },
    /// What it returned is not what the contract says.
    #[error("returned what the contract forbids: {0}")]
    Output(String),
    /// It ended itself.
    #[error("trapped ({}): {message}", kind.word())]
    Trap {
        /// Which trap.
        kind: Trap,
        /// In words: the last error that the plugin logged, or the engine's text.
        message: String,
    },
    /// It said no, in its own words.
    #[error("{0}")]
    Refused(String),
    /// An earlier call trapped; this instance cannot be entered again.
    #[error("an earlier call trapped; start a new instance")]
    Dead,
}

impl Fault {
    /// The words of faults with which a call on readings can end.
    pub const OF_CALLS: [&str; 8] =
        ["deadline", "memory", "output-size", "output", "unreachable", "stack-overflow", "trap", "refused"];

    /// The word of metrics and dead letters.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Engine(_) => "engine",
            Self::Load(_) => "load",
            Self::Link(_) => "link",
            Self::Compiler(_) => "compiler",
            Self::ComponentSize { .. } => "component-size",
            Self::Compile { .. } => "compile",
            Self::StateSize { .. } => "state-size",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::OutputSize { .. } => "output-size",
            Self::Output(_) => "output",
            Self::Trap { kind, .. } => kind.word(),
            Self::Refused(_) => "refused",
            Self::Dead => "dead",
        }
    }
}
