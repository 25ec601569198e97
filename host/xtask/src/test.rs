//! Everything that CI runs, the fast before the slow.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{cargo, deny, plugins, prerequisites, run, say, services, tidy};

type Step<'a> = (&'static str, Box<dyn FnOnce() -> Result<()> + 'a>);

/// Every test program but `it`, which needs servers.
const ALL_BUT_IT: &str = "[!i]*";

/// Stops at the first step that fails.
pub(crate) fn run_all(root: &Path) -> Result<()> {
    // Always the whole workspace: another choice of packages is another choice of features, and builds the dependencies again.
    let with = |arguments: &'static [&'static str]| move || run(cargo(root).args(arguments));
    let steps: Vec<Step<'_>> = vec![
        ("prerequisites", Box::new(prerequisites::for_building)),
        ("tidy", Box::new(|| tidy::check(root))),
        ("licences and sources", Box::new(|| deny::check(root))),
        ("format", Box::new(with(&["fmt", "--all", "--check"]))),
        ("plugins", Box::new(|| plugins::build_all(root))),
        ("unit tests", Box::new(with(&["test", "--quiet", "--workspace", "--lib", "--bins"]))),
        (
            "the kit for authors, plugins, hostile guests",
            Box::new(with(&["test", "--quiet", "--workspace", "--test", ALL_BUT_IT])),
        ),
        ("examples in the documentation", Box::new(with(&["test", "--quiet", "--workspace", "--doc"]))),
        ("examples in Python and JavaScript", Box::new(|| plugins::build_in_other_languages(root))),
        ("integration on real servers", Box::new(|| integration(root))),
        ("clippy", Box::new(with(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))),
    ];
    for (name, step) in steps {
        say(&format!("── {name}"));
        let started = Instant::now();
        step().with_context(|| format!("step `{name}`"))?;
        say(&format!("   {name}: {:.0} s", started.elapsed().as_secs_f64()));
    }
    say("all is well");
    Ok(())
}

pub(crate) fn chaos(root: &Path, faults: u64, seed: u64) -> Result<()> {
    prerequisites::for_building()?;
    plugins::build_all(root)?;
    services::with(root, |variables| {
        let mut cargo = cargo(root);
        cargo.args(["test", "--quiet", "--workspace", "--test", "it", "--", "--ignored", "--nocapture", "chaos"]);
        cargo.env("WATTDOG_CHAOS_FAULTS", faults.to_string()).env("WATTDOG_CHAOS_SEED", seed.to_string());
        run(cargo.envs(variables.iter().cloned()))
    })
}

/// The attacks of `host/tests/it/attack`, with a line for each.
pub(crate) fn attack(root: &Path) -> Result<()> {
    prerequisites::for_building()?;
    plugins::build_all(root)?;
    services::with(root, |variables| {
        let mut cargo = cargo(root);
        cargo.args(["test", "--quiet", "--workspace", "--test", "it", "--", "--nocapture", "--test-threads=1", "attack::"]);
        say("| row | attack | most memory | readings meanwhile | verdict |");
        run(cargo.envs(variables.iter().cloned()))
    })
}

fn integration(root: &Path) -> Result<()> {
    services::discard_data(root)?;
    services::with(root, |variables| {
        let tests = || {
            let mut cargo = cargo(root);
            // Named as they begin: of those that run one by one, the one that hangs is the last.
            cargo.args(["test", "--workspace", "--test", "it"]).envs(variables.iter().cloned());
            cargo
        };
        run(&mut tests())?;
        // Those that stop the servers, or need the machine for themselves, come one by one, after the others.
        run(tests().args(["--", "--ignored", "--test-threads=1"]))
    })
}
