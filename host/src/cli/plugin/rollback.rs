//! `wattdog plugin rollback`

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};
use wattdog_files::read;

use super::folder;
use crate::cli::ConfigArgs;
use crate::registry::{Audit, AuditLine, Versions};

/// A larger component has never run.
const MOST_BYTES: u64 = 1 << 30;

/// Puts the file of the version before back into the plugin folder; a running host takes it from there, with what it knows of the
/// meters. Every version that has run is kept beside the audit record.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog plugin rollback kmeans")]
pub(in crate::cli) struct Args {
    /// The plugin, by its file without `.wasm`.
    name: String,
    #[command(flatten)]
    config: ConfigArgs,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let plugins = args.config.load()?.plugins;
    let file = folder::component(&plugins.dir, &args.name)?;
    let bytes = read(&file, MOST_BYTES).with_context(|| format!("cannot read {}", file.display()))?;
    let now = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let record = plugins.audit_file().map_err(anyhow::Error::msg)?;
    let lines = Audit::read(&record).with_context(|| format!("cannot read the audit record {}", record.display()))?;
    let Some(before) = version_before(&lines, &args.name, &now) else {
        bail!("no version of {} ran before this one, says {}", args.name, record.display());
    };
    let bytes = Versions::beside(&record).read(&before.digest).with_context(|| {
        format!(
            "version {} of {} is kept no longer; put its file into {} yourself",
            before.version,
            args.name,
            plugins.dir.display()
        )
    })?;
    folder::replace(&file, &bytes)?;
    println!("{} is {} again, digest {}", args.name, before.version, before.digest.chars().take(12).collect::<String>());
    Ok(())
}

/// What was loaded last before what lies there now.
fn version_before<'a>(lines: &'a [AuditLine], file: &str, now: &str) -> Option<&'a AuditLine> {
    let loaded = lines.iter().filter(|line| line.file == file && ["loaded", "promoted"].contains(&line.event.as_str()));
    let loaded: Vec<_> = loaded.collect();
    let at = loaded.iter().rposition(|line| line.digest == now).unwrap_or(loaded.len());
    loaded[..at].iter().rev().find(|line| line.digest != now).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_is_the_last_other_one() {
        let line = |file: &str, event: &str, digest: &str| AuditLine {
            file: file.into(),
            event: event.into(),
            digest: digest.into(),
            ..AuditLine::default()
        };
        let lines = [
            line("x", "loaded", "a"),
            line("y", "loaded", "z"),
            line("x", "loaded", "b"),
            line("x", "refused", "c"),
            line("x", "loaded", "d"),
            line("x", "promoted", "d"),
        ];
        assert_eq!(version_before(&lines, "x", "d").unwrap().digest, "b");
        assert_eq!(version_before(&lines, "x", "b").unwrap().digest, "a");
        assert!(version_before(&lines, "x", "a").is_none());
        assert_eq!(version_before(&lines, "x", "refused one").unwrap().digest, "d");
    }
}
