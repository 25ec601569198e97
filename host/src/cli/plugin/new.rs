//! `wattdog plugin new`: a folder to begin with.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::cli::Usage;
use crate::kit::{Lang, PluginName, Scaffold, TemplateKind};

/// Begin a plugin: a folder that builds and passes its test.
///
/// Makes the folder NAME with a whole plugin that works: rule, tests, sidecar, build. Change the rule and it is yours.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wattdog plugin new weekend-waste --lang python
  wattdog plugin new price --lang rust --kind enricher --path ~/plugins

Then:
  cd weekend-waste && ./build.sh
  wattdog plugin check weekend-waste.wasm")]
pub(in crate::cli) struct Args {
    /// What the plugin, its folder and its files are called: lower case letters, digits and hyphens.
    name: String,
    /// Rust makes the smallest and fastest plugins; with Python and JavaScript an interpreter comes along.
    #[arg(long, value_enum)]
    lang: Lang,
    /// A detector judges readings, an enricher adds columns that detectors can read.
    #[arg(long, value_enum, default_value = "detector")]
    kind: TemplateKind,
    /// Where the folder is made.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let name = PluginName::new(&args.name, args.lang).map_err(Usage)?;
    let folder = if args.path.as_os_str() == "." { name.kebab().into() } else { args.path.join(name.kebab()) };
    let scaffold = Scaffold::new(&name, args.lang, args.kind);
    scaffold.write(&folder).map_err(|reason| anyhow!(reason))?;
    let (shown, name, rule) = (folder.display(), name.kebab(), scaffold.rule());
    println!("{shown}: {} files, the rule is in {rule}, README.md says the rest\n", scaffold.file_count());
    println!("  cd {shown} && ./build.sh");
    println!("  wattdog plugin check {name}.wasm");
    Ok(())
}
