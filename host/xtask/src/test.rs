//! Everything that CI runs, the fast before the slow.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{cargo, deny, plugins, prerequisites, run, say, services, tidy};

type Step<'a> = (&'static str, Box<dyn FnOnce() -> Result<()> + 'a>);

/// Stops at the first step that fails.
pub(crate) fn run_all(root: &Path) -> Result<()> {
    let with = |arguments: &'static [&'static str]| move || run(cargo(root).args(arguments));
    let steps: Vec<Step<'_>> = vec![
        ("prerequisites", Box::new(prerequisites::for_building)),
        ("tidy", Box::new(|| tidy::check(root))),
        ("licences and sources", Box::new(|| deny::check(root))),
        ("format", Box::new(with(&["fmt", "--all", "--check"]))),
        ("plugins", Box::new(|| plugins::build(root).map(drop))),
        (
            "unit tests, the kit for authors",
            Box::new(with(&["test", "--quiet", "-p", "wattdog", "--lib", "--bins", "--test", "kit"])),
        ),
        ("plugins, their cases, hostile guests", Box::new(with(&["test", "--quiet", "--workspace", "--exclude", "wattdog"]))),
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
    plugins::build(root)?;
    services::with(root, |variables| {
        let mut cargo = cargo(root);
        cargo.args(["test", "--quiet", "-p", "wattdog", "--test", "it", "--", "--ignored", "--nocapture", "chaos"]);
        cargo.env("WATTDOG_CHAOS_FAULTS", faults.to_string()).env("WATTDOG_CHAOS_SEED", seed.to_string());
        run(cargo.envs(variables.iter().cloned()))
    })
}

fn integration(root: &Path) -> Result<()> {
    services::with(root, |variables| {
        let tests = || {
            let mut cargo = cargo(root);
            cargo.args(["test", "--quiet", "-p", "wattdog", "--test", "it"]).envs(variables.iter().cloned());
            cargo
        };
        run(&mut tests())?;
        // Those that stop the servers come one by one, after the others.
        run(tests().args(["--", "--ignored", "--test-threads=1"]))
    })
}
