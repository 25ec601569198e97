//! The life of a component in the runtime, with a guest that misbehaves on request.
//!
//! The guest is `tests/guests/misdeeds`; `cargo xtask plugins` builds it into `target/guests`.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use wattdog_plugin_runtime::{
    Batch, ColumnParam, Fault, Instance, Limits, Linked, Meter, Runtime, RuntimeConfig, Scored, complete_params,
};

fn component(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", path.display()))
}

/// Time enough that a busy machine is not taken for a loop, memory little enough that it is used up before the time is.
fn limits() -> Limits {
    Limits { batch_time: Duration::from_secs(1), memory: 16 << 20, ..Limits::default() }
}

struct Guest {
    linked: Linked,
    log: Arc<Mutex<Vec<String>>>,
}

impl Guest {
    fn new(runtime: &Runtime) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let compiled = runtime.compile(&component("target/guests/misdeeds.wasm"), &limits()).unwrap();
        let sink = Arc::new(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
        Self { linked: runtime.link(&compiled, limits(), sink).unwrap(), log }
    }

    fn start(&self, misdeed: &str) -> Result<Instance, Fault> {
        let given = serde_json::json!({ "misdeed": misdeed, "place": "score" });
        let params = complete_params(&self.linked.describe()?.params, given.as_object().unwrap()).unwrap();
        self.linked.start(&params, &[])
    }
}

fn score(instance: &mut Instance, values: &[f64]) -> Result<Scored, Fault> {
    let rows = values.len();
    let meter = Meter { code: 0, name: "A/1", building: "A", floor: Some("1") };
    instance.score(&Batch {
        rows: rows as u32,
        meters: &vec![0; rows],
        event_times_us: &vec![0; rows],
        columns: &[ColumnParam::Floats(values)],
        new_meters: &[meter],
        new_entries: &[],
    })
}

fn runtime() -> Runtime {
    Runtime::new(RuntimeConfig::default()).unwrap()
}

#[test]
fn a_trapped_instance_is_dead_and_says_so() {
    let runtime = runtime();
    let mut instance = Guest::new(&runtime).start("panic on 13").unwrap();
    assert_eq!(score(&mut instance, &[1.0]).unwrap().scores, [1.0]);
    assert!(matches!(score(&mut instance, &[13.0]), Err(Fault::Trap { .. })));
    assert!(matches!(score(&mut instance, &[1.0]), Err(Fault::Dead)));
}

#[test]
fn a_log_flood_is_cut() {
    let runtime = runtime();
    let guest = Guest::new(&runtime);
    let mut instance = guest.start("flood the log").unwrap();
    let _ = score(&mut instance, &[1.0]);
    let lines = guest.log.lock().unwrap().len();
    assert_eq!(lines, Limits::default().log_lines as usize + 1, "the last line says that the rest is dropped");
}

#[test]
fn a_compiled_plugin_comes_from_the_cache_and_a_damaged_file_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(RuntimeConfig { cache_dir: Some(folder.path().to_owned()), ..RuntimeConfig::default() }).unwrap();
    let bytes = component("plugins/kmeans.wasm");
    assert!(!runtime.compile(&bytes, &limits()).unwrap().from_cache());
    assert!(runtime.compile(&bytes, &limits()).unwrap().from_cache());
    let mut files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|file| file.extension().is_some_and(|extension| extension == "cwasm")).unwrap();
    let mut code = std::fs::read(&file).unwrap();
    let middle = code.len() / 2;
    code[middle] ^= 0xff;
    std::fs::write(&file, code).unwrap();
    assert!(!runtime.compile(&bytes, &limits()).unwrap().from_cache());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), header in any::<bool>()) {
        let mut file = if header { b"\0asm\x0d\0\x01\0".to_vec() } else { Vec::new() };
        file.extend(bytes);
        let runtime = runtime();
        if let Ok(compiled) = runtime.compile(&file, &limits()) {
            let linked = runtime.link(&compiled, Limits::default(), Arc::new(|_, _| {}));
            prop_assert!(linked.is_err(), "random bytes were linked");
        }
    }
}
