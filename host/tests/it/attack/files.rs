//! Attacks by files: in the plugin folder, and in a folder above the cache.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::Siege;
use crate::servers::{World, eventually};

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Why a file does not run.
fn refused(world: &World, file: &str) -> Option<String> {
    let audit = world.audit();
    let (_, _, _, line) = audit.iter().find(|(event, name, ..)| event == "refused" && name == file)?;
    Some(line["reason"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn sidecars_and_models_that_never_begin_or_never_end_are_refused_by_name() {
    let siege = Siege::begin(World::with_plugins("no_files", &["kmeans"])).await;
    let (plugins, folder) = (siege.world.plugins(), siege.world.folder.path());
    let (sparse, pipe) = (folder.join("sparse.json"), folder.join("pipe.json"));
    std::fs::File::create(&sparse).unwrap().set_len(10 << 30).unwrap();
    fifo(&pipe);
    for (name, model, words) in [
        ("devices", Path::new("/dev/zero"), "it is a device, and only a regular file is read"),
        ("sparse", &sparse, "its model is larger than 64.0 MiB"),
        ("pipes", &pipe, "it is a FIFO, and only a regular file is read"),
        ("folders", plugins, "it is a folder, and only a regular file is read"),
    ] {
        std::fs::write(plugins.join(name).with_extension("toml"), format!("model = {model:?}\n")).unwrap();
        is_refused(&siege.world, name, words).await;
    }
    fifo(&plugins.join("sidecars.toml"));
    is_refused(&siege.world, "sidecars", "it is a FIFO, and only a regular file is read").await;
    std::os::unix::fs::symlink("/dev/zero", plugins.join("links.toml")).unwrap();
    is_refused(&siege.world, "links", "it is a device, and only a regular file is read").await;
    siege.end("5, 6", "a sidecar or model is a FIFO, a device, a folder, a link to one, 10 GB of nothing", 600.0).await;
}

/// A component under this name, whose sidecar is there already.
async fn is_refused(world: &World, name: &str, words: &str) {
    let plugins = world.plugins();
    std::fs::copy(plugins.join("kmeans.wasm"), plugins.join(name).with_extension("wasm")).unwrap();
    let reason = eventually(&format!("{name} is refused"), async || refused(world, name)).await;
    assert!(reason.contains(words), "{name}: {reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_code_that_others_could_have_written_does_not_run() {
    let mut world = World::with_plugins("shared_cache", &["kmeans"]);
    let shared = world.folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    let cache = shared.join("cache");
    world.variables = vec![("WATTDOG__PLUGINS__CACHE", cache.to_str().unwrap().into())];
    let siege = Siege::begin(world).await;
    let log = siege.world.log();
    assert!(log.contains("compiled plugins are not kept") && log.contains(shared.to_str().unwrap()), "{log}");
    assert!(!cache.exists(), "nothing is kept where others can write");
    siege.end("1", "the cache of machine code lies where others can write", 600.0).await;
}
