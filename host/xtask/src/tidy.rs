//! Rules that no compiler checks: what each room must not know, how large a file may be, where the clock is read.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::say;

const MAX_LINES: usize = 600;

/// Files under `room` must not contain `word`.
struct Ban {
    room: &'static str,
    except: &'static [&'static str],
    words: &'static [&'static str],
    reason: &'static str,
}

const BANS: [Ban; 14] = [
    Ban {
        room: "host/src/domain",
        except: &[],
        words: &["tokio", "serde_json", "sqlx", "bson", "rdkafka", "wattdog_plugin_runtime"],
        reason: "the domain knows no I/O, no wire format and no plugin",
    },
    Ban {
        room: "host/src/window",
        except: &["host/src/window/tests"],
        words: &["tokio", "tracing", "std::fs", "rdkafka", "serde_json"],
        reason: "windows are pure: no async, no I/O, no log",
    },
    Ban {
        room: "host/src/state",
        except: &[],
        words: &["tokio", "crate::kafka", "crate::pipeline"],
        reason: "state is records; who writes and reads them is another room's",
    },
    Ban { room: "host/src/decode", except: &[], words: &["rdkafka", "sink::"], reason: "decoding gets bytes, not Kafka" },
    Ban {
        room: "host/src",
        except: &["host/src/kafka"],
        words: &["rdkafka::"],
        reason: "the Kafka client is a leaf: host/src/kafka",
    },
    Ban {
        room: "host/src",
        except: &["host/src/sink", "host/src/archive"],
        words: &["sqlx::", "mongodb::bson"],
        reason: "database clients are leaves: sinks write rows, the archive reads them back",
    },
    Ban {
        room: "host/src/sink",
        except: &[],
        words: &["wattdog_plugin_runtime", "crate::registry"],
        reason: "a sink knows no plugins",
    },
    Ban {
        room: "host/src/archive",
        except: &[],
        words: &["wattdog_plugin_runtime", "crate::registry", "crate::pipeline", "crate::kafka"],
        reason: "the archive asks stores, and nobody else",
    },
    Ban {
        room: "host/src/kit",
        except: &[],
        words: &["crate::pipeline", "crate::kafka", "crate::sink", "println!"],
        reason: "an author's questions to a component need no host",
    },
    Ban { room: "host/src", except: &[], words: &["wasmtime"], reason: "only host/plugin-runtime knows the engine" },
    Ban {
        room: "host/plugin-runtime/src",
        except: &[],
        words: &["rdkafka", "sqlx", "mongodb"],
        reason: "the runtime knows neither Kafka nor the host",
    },
    Ban {
        room: "host/src",
        except: &["host/src/clock.rs"],
        words: &["SystemTime::now", "Instant::now", "Timestamp::now"],
        reason: "time is an argument; only host/src/clock.rs reads the clock",
    },
    Ban {
        room: "host/src",
        except: &["host/src/readings_file", "host/src/metrics/process.rs", "host/src/pipeline/cases.rs"],
        words: &READS,
        reason: "a file may never begin or never end: read it by wattdog_files, within a limit",
    },
    Ban { room: "host/plugin-runtime/src", except: &[], words: &READS, reason: "as in the host: read it by wattdog_files" },
];

const READS: [&str; 4] = ["fs::read(", "fs::read_to_string(", "fs::File::open(", " File::open("];

const ROOT: [&str; 6] = ["Cargo.toml", "host", "plugins", "wit", "models", "examples"];
const ROOT_FILES: [&str; 6] = ["README.md", "Cargo.lock", "LICENSE", "rust-toolchain.toml", "compose.yaml", "target"];

/// Checks all rules and names every breach.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut breaches = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !ROOT.contains(&name.as_str()) && !ROOT_FILES.contains(&name.as_str()) {
            breaches.push(format!("{name}: nothing else belongs at the root; find its room"));
        }
    }
    for file in rust_files(root)? {
        let text = std::fs::read_to_string(root.join(&file))?;
        let name = file.to_string_lossy().into_owned();
        let lines = text.lines().count();
        if lines > MAX_LINES {
            breaches.push(format!("{name}: {lines} lines, more than {MAX_LINES}: it is more than one idea; split it"));
        }
        for ban in &BANS {
            let applies = name.starts_with(&format!("{}/", ban.room)) && !ban.except.iter().any(|e| name.starts_with(e));
            if !applies {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if let Some(word) = ban.words.iter().find(|word| code.contains(**word)) {
                    breaches.push(format!("{name}:{}: `{word}`: {}", number + 1, ban.reason));
                }
            }
        }
    }
    if breaches.is_empty() {
        return Ok(());
    }
    breaches.iter().for_each(|breach| say(breach));
    bail!("{} breaches of the rules in host/ARCHITECTURE.md", breaches.len())
}

/// Relative paths of the project's own Rust files.
fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from("host"), PathBuf::from("plugins"), PathBuf::from("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                if entry.file_name() != "target" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
