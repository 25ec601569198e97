//! What a component asks for, for people who want to know before a host refuses it.

use wasmtime::component::types::ComponentItem;

use crate::compiled::Compiled;
use crate::empty_wasi;

/// The contract's part that every plugin exports; its version is the contract's.
const LIFECYCLE: &str = "wattdog:plugin/lifecycle@";

/// An interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// With its version: `wattdog:plugin/host@1.0.0`.
    pub interface: String,
    /// Its functions that a call of would end in a trap.
    pub trapping: Vec<String>,
    /// How many of its functions answer.
    pub answering: usize,
}

impl Compiled {
    /// The interfaces with functions that it imports, in the component's order.
    #[must_use]
    pub fn imports(&self) -> Vec<Import> {
        let engine = self.component.engine();
        let mut imports = Vec::new();
        for (name, import) in self.component.component_type().imports(engine) {
            let ComponentItem::ComponentInstance(interface) = import.ty else { continue };
            let functions = interface.exports(engine).filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)));
            let functions: Vec<_> = functions.map(|(function, _)| function.to_owned()).collect();
            let all = functions.len();
            let trapping: Vec<_> = functions
                .into_iter()
                .filter(|function| name.starts_with("wasi:") && !empty_wasi::answers(name, function))
                .collect();
            if all > 0 {
                imports.push(Import { interface: name.to_owned(), answering: all - trapping.len(), trapping });
            }
        }
        imports
    }

    /// The version of the contract that it is made for; none: it is no plugin.
    #[must_use]
    pub fn contract(&self) -> Option<String> {
        let exports = self.component.component_type();
        exports.exports(self.component.engine()).find_map(|(name, _)| name.strip_prefix(LIFECYCLE).map(str::to_owned))
    }
}
