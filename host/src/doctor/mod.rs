//! Is everything there that a host needs? Whoever looks changes nothing, apart from the cache of compiled plugins.

mod kafka;
mod machine;
mod plugins;
mod stores;

use serde::Serialize;

use crate::config::Config;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// A host runs; somebody should look.
    Doubtful,
    /// A host does not run, or not as it should.
    Bad,
}

/// What was seen of one thing, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Of what.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub words: String,
    /// What to do; none where all is well.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(subject: impl Into<String>, words: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Good, words: words.into(), remedy: None }
    }

    fn doubtful(subject: impl Into<String>, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Doubtful, remedy: Some(remedy.into()), ..Self::good(subject, words) }
    }

    fn bad(subject: impl Into<String>, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::doubtful(subject, words, remedy) }
    }
}

/// Looks at the machine, the plugins, the broker and the stores, and tells what it sees as it sees it.
pub async fn examine(config: &Config, mut tell: impl FnMut(Finding)) {
    machine::examine(config).await.into_iter().for_each(&mut tell);
    plugins::examine(config).into_iter().for_each(&mut tell);
    kafka::examine(config).await.into_iter().for_each(&mut tell);
    stores::examine(config).await.into_iter().for_each(&mut tell);
}
