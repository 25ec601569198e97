//! `wattdog plugin promote`

use std::path::PathBuf;

use anyhow::bail;

use super::folder;
use crate::cli::ConfigArgs;
use crate::registry::{Mode, PluginKind, Sidecar};

/// Writes `mode` into both sidecars; a running host takes both over between two batches, each with what it knows of the meters.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog plugin promote kmeans-2 --instead-of kmeans")]
pub(in crate::cli) struct Args {
    /// The detector in the shadow, by its file without `.wasm`.
    name: String,
    /// The active one that becomes its shadow; left out where there is one active detector only. `none`: all stay active.
    #[arg(long, value_name = "NAME")]
    instead_of: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let dir = args.config.load()?.plugins.dir;
    let promoted = folder::component(&dir, &args.name)?;
    if sidecar(&promoted)?.mode != Mode::Shadow {
        bail!(
            "{} is not in the shadow: its sidecar {} does not say `mode = \"shadow\"`",
            args.name,
            promoted.with_extension("toml").display()
        );
    }
    let other = match args.instead_of.as_deref() {
        Some("none") => None,
        Some(name) => Some(folder::component(&dir, name)?),
        None => the_active_one(&dir, &args.name)?,
    };
    // In this order there is no moment without an active detector.
    folder::set_mode(&promoted, "active")?;
    println!("{} is active", args.name);
    if let Some(other) = other {
        folder::set_mode(&other, "shadow")?;
        println!("{} is in its shadow", other.file_stem().unwrap_or_default().to_string_lossy());
    }
    Ok(())
}

fn the_active_one(dir: &std::path::Path, promoted: &str) -> anyhow::Result<Option<PathBuf>> {
    let mut active = Vec::new();
    for name in folder::names(dir)?.into_iter().filter(|name| name != promoted) {
        let file = folder::component(dir, &name)?;
        let sidecar = sidecar(&file)?;
        if sidecar.mode == Mode::Active && sidecar.kind != Some(PluginKind::Enricher) {
            active.push((name, file));
        }
    }
    if active.len() > 1 {
        let names: Vec<_> = active.into_iter().map(|(name, _)| name).collect();
        bail!("{} are active: say which makes place, with `--instead-of NAME`, or `--instead-of none`", names.join(", "));
    }
    Ok(active.pop().map(|(_, file)| file))
}

fn sidecar(component: &std::path::Path) -> anyhow::Result<Sidecar> {
    Sidecar::beside(component).map_err(anyhow::Error::msg)
}
