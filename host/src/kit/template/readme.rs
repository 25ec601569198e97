//! The five lines that a new plugin begins with.

use super::{Lang, PluginName, TemplateKind};

/// How a language tests natively, and what its build needs.
struct Ways {
    /// Where to read what a rule can use.
    reference: &'static str,
    test: &'static str,
    needs: &'static str,
}

fn ways(lang: Lang) -> Ways {
    match lang {
        Lang::Rust => Ways {
            reference: "`cargo doc --target host-tuple -p wattdog-plugin --open`",
            test: "`cargo test --target host-tuple`",
            needs: "Rust and `cargo install --locked --version 0.21.1 cargo-component`",
        },
        Lang::Python => Ways {
            reference: "the text of `wattdog_plugin.py`",
            test: "`python3 -m unittest`",
            needs: "Python 3.11 or later; the first build installs the rest here",
        },
        Lang::Javascript => Ways {
            reference: "the text of `wattdog-plugin.js`",
            test: "`npm install` once, then `node --test`",
            needs: "Node.js 20 or later; the first build installs the rest here",
        },
    }
}

pub(super) fn readme(name: &PluginName, lang: Lang, kind: TemplateKind, rule: &str) -> String {
    let (name, language) = (name.kebab(), lang.title());
    let (title, trial) = match kind {
        TemplateKind::Enricher => ("an enricher", String::new()),
        TemplateKind::Detector => (
            "a detector",
            format!(", and `wattdog score --plugin {name}.wasm --input FILE --output -` tries it on\n   recorded readings"),
        ),
    };
    let Ways { reference, test, needs } = ways(lang);
    format!(
        "# `{name}`: {title} for wattdog in {language}

1. **Change the rule** in `{rule}`, and `{name}.toml`, which sets the parameters that it describes. What a rule can use and say is
   in {reference}.
2. **Test** with {test}. A folder under `testcases/` is a case: another rule needs others, with its own parameters in
   `plugin.toml`. `UPDATE_EXPECTED=1` before that command writes what the rule says now to each `expected.jsonl`: read it then.
3. **Build** with `./build.sh`: tests, then `{name}.wasm`. It needs {needs}.
4. **Check** with `wattdog plugin check {name}.wasm`: all that a host demands. `plugin test` runs the cases against the component,
   `plugin bench` times it{trial}.
5. **Drop** `{name}.wasm` and `{name}.toml` into the plugin folder of a host: it takes them at once, and takes a new build as well.
"
    )
}
