//! Builds the first-party plugins into `plugins/`, and the guests of tests, with nothing but cargo.
//!
//! A plugin is compiled to a core module without WASI and wrapped by the library that `cargo component` itself calls.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use wit_component::DecodedWasm;

const TARGET: &str = "wasm32-unknown-unknown";

/// Cargo, told to leave the paths of this machine out of what it builds: a panic's text carries the place of its code.
fn cargo_for(root: &Path, target: &str) -> Command {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut remapped = vec![(root.to_owned(), "wattdog")];
    remapped.extend(home.map(|home| (home, "cargo")));
    let flag = |(path, name): &(PathBuf, &str)| format!("{:?}", format!("--remap-path-prefix={}={name}", path.display()));
    let flags = remapped.iter().map(flag).collect::<Vec<_>>().join(",");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--quiet", "--target", target]);
    cargo.arg("--config").arg(format!("target.{target}.rustflags=[{flags}]"));
    cargo
}

/// All that a first-party plugin may import; its types come with it.
const ALLOWED_IMPORTS: &str = "wattdog:plugin/";

/// Guests of the runtime's tests.
const GUESTS: [&str; 3] = ["misdeeds", "liar", "another"];

/// The guest that is compiled for WASI too, to try what it gives.
const FOR_WASI: &str = "misdeeds";
const WASI_TARGET: &str = "wasm32-wasip2";

/// The guest of the tests of swaps, in several versions, and the features that make them.
const VERSIONS: [(&str, &[&str]); 4] = [
    ("tally-1", &[]),
    ("tally-2", &["--features", "second"]),
    ("tally-3", &["--features", "third"]),
    ("tally-4", &["--features", "fourth"]),
];

/// Folders of examples in Rust, and the plugins in them.
const EXAMPLES: [(&str, &str); 2] = [("rust", "stuck-meter"), ("rust-enricher", "day-night-tariff")];

/// Builds the first-party plugins, and what the tests start besides.
pub(crate) fn build_all(root: &Path) -> Result<()> {
    build_guests(root)?;
    build(root)
}

/// Builds the first-party plugins into `plugins/`.
pub(crate) fn build(root: &Path) -> Result<()> {
    let names = first_party(root)?;
    build_modules(root, names.iter().map(String::as_str))?;
    for name in &names {
        wrap(root, &module(root, "plugin", &format!("wattdog_{name}")), &format!("plugins/{name}.wasm"))?;
    }
    Ok(())
}

/// Builds into `target/guests`.
fn build_guests(root: &Path) -> Result<()> {
    build_modules(root, GUESTS)?;
    std::fs::create_dir_all(root.join("target/guests"))?;
    for name in GUESTS {
        wrap(root, &module(root, "plugin", &format!("wattdog_{name}")), &format!("target/guests/{name}.wasm"))?;
    }
    build_for_wasi(root)?;
    build_versions(root)?;
    build_examples(root)
}

fn build_modules<'a>(root: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    add_target(root, TARGET)?;
    let mut cargo = cargo_for(root, TARGET);
    cargo.args(["--profile", "plugin"]);
    for name in names {
        cargo.arg("--package").arg(format!("wattdog-{name}"));
    }
    crate::run(&mut cargo)
}

/// The toolchain makes a component for this target by itself.
fn build_for_wasi(root: &Path) -> Result<()> {
    add_target(root, WASI_TARGET)?;
    let mut cargo = cargo_for(root, WASI_TARGET);
    crate::run(cargo.args(["--profile", "plugin"]).arg("--package").arg(format!("wattdog-{FOR_WASI}")))?;
    let built = root.join(format!("target/{WASI_TARGET}/plugin/wattdog_{FOR_WASI}.wasm"));
    std::fs::copy(&built, root.join(format!("target/guests/{FOR_WASI}-wasi.wasm")))
        .with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(())
}

fn build_versions(root: &Path) -> Result<()> {
    for (name, features) in VERSIONS {
        let mut cargo = cargo_for(root, TARGET);
        cargo.args(["--profile", "plugin", "--package", "wattdog-tally"]);
        crate::run(cargo.args(features))?;
        wrap(root, &module(root, "plugin", "wattdog_tally"), &format!("target/guests/{name}.wasm"))?;
    }
    Ok(())
}

/// The plugins that authors copy. They stand outside the workspace, as theirs will.
fn build_examples(root: &Path) -> Result<()> {
    for (folder, name) in EXAMPLES {
        let mut cargo = cargo_for(root, TARGET);
        cargo.args(["--release", "--target-dir", "target"]);
        cargo.arg("--manifest-path").arg(format!("examples/plugins/{folder}/Cargo.toml"));
        crate::run(&mut cargo)?;
        wrap(root, &module(root, "release", &name.replace('-', "_")), &format!("target/guests/{name}.wasm"))?;
    }
    Ok(())
}

fn module(root: &Path, profile: &str, name: &str) -> PathBuf {
    root.join(format!("target/{TARGET}/{profile}/{name}.wasm"))
}

/// The examples in other languages, built and tested as an author does it, for the test that drops them into a running host.
pub(crate) fn build_in_other_languages(root: &Path) -> Result<()> {
    crate::prerequisites::for_other_languages()?;
    for (language, name) in [("python", "hour-of-week"), ("javascript", "night-waste")] {
        let folder = root.join("examples/plugins").join(language);
        crate::run(Command::new("./build.sh").current_dir(&folder))?;
        let file = format!("{name}.wasm");
        std::fs::rename(folder.join(&file), root.join("target/guests").join(&file)).with_context(|| format!("no {file}"))?;
    }
    Ok(())
}

/// Folders of `plugins/` whose crate is a `cdylib`.
fn first_party(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("plugins"))? {
        let manifest = entry?.path().join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&manifest) else { continue };
        if text.contains("crate-type = [\"cdylib\"") {
            let folder = manifest.parent().and_then(Path::file_name).context("a plugin has a folder")?;
            names.push(folder.to_string_lossy().into_owned());
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "no plugin under {}", root.join("plugins").display());
    Ok(names)
}

/// The toolchain file lists the target; a toolchain that was there before may lack it.
fn add_target(root: &Path, target: &str) -> Result<()> {
    let libraries = Command::new("rustc").current_dir(root).args(["--print", "target-libdir", "--target", target]).output()?;
    if Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir() {
        return Ok(());
    }
    crate::run(Command::new("rustup").current_dir(root).args(["target", "add", target]))
        .with_context(|| format!("the Rust target {target} is missing; install it with your toolchain's package manager"))
}

/// Makes a component of a module and writes it to `target`, a path within the workspace.
fn wrap(root: &Path, module: &Path, target: &str) -> Result<()> {
    let bytes = std::fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let component = wit_component::ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .with_context(|| format!("{target} is not a component of wit/v1"))?;
    check_imports(&component).with_context(|| format!("plugin {target}"))?;
    let file = root.join(target);
    // A host may be watching the folder: the file appears whole or not at all.
    let temporary = file.with_extension("wasm.tmp");
    std::fs::write(&temporary, &component)?;
    std::fs::rename(&temporary, &file)?;
    let digest: String = Sha256::digest(&component).iter().map(|byte| format!("{byte:02x}")).collect();
    crate::say(&format!("built {target}, {} KiB, sha256 {digest}", component.len() / 1024));
    Ok(())
}

/// Nothing of WASI may slip in through a dependency.
fn check_imports(component: &[u8]) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else { bail!("not a component") };
    for key in resolve.worlds[world].imports.keys() {
        let name = resolve.name_world_key(key);
        ensure!(name.starts_with(ALLOWED_IMPORTS), "it imports {name}; a plugin may import nothing but the log");
    }
    Ok(())
}
