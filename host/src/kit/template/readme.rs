//! The five lines that a new plugin begins with.

use super::{Lang, PluginName, TemplateKind};

/// How a language tests natively, and what its build needs.
struct Ways {
    test: &'static str,
    needs: &'static str,
}

fn ways(lang: Lang) -> Ways {
    match lang {
        Lang::Rust => Ways {
            test: "cargo test --target host-tuple",
            needs: "Rust and `cargo install --locked --version 0.21.1 cargo-component`",
        },
        Lang::Python => {
            Ways { test: "python3 -m unittest", needs: "Python 3.11 or later; the first build installs the rest here" }
        }
        Lang::Javascript => Ways { test: "node --test", needs: "Node.js 20 or later; the first build installs the rest here" },
    }
}

pub(super) fn readme(name: &PluginName, lang: Lang, kind: TemplateKind, rule: &str) -> String {
    let (name, language, kind) = (name.kebab(), lang.title(), kind.word());
    let Ways { test, needs } = ways(lang);
    format!(
        "# `{name}`: a {kind} for wattdog in {language}

1. **Change the rule** in `{rule}`; parameters that it describes are set in `{name}.toml`.
2. **Test** with `{test}`: a folder under `testcases/` is a case. `UPDATE_EXPECTED=1` before it writes what the rule says now to
   each `expected.jsonl`: read it then.
3. **Build** with `./build.sh`: tests, then `{name}.wasm`. It needs {needs}.
4. **Check** with `wattdog plugin check {name}.wasm`: all that a host demands. `plugin test` runs the cases against the component,
   `plugin bench` times it, and `wattdog score --plugin {name}.wasm --input FILE --output -` tries it on recorded readings.
5. **Drop** `{name}.wasm` and `{name}.toml` into the plugin folder of a host: it takes them at once, and takes a new build as well.
"
    )
}
