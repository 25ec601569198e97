//! Guests that misbehave, listed with what comes of each. After every one of them the next reading is scored by a good instance,
//! and the process has the memory and the threads that it had before.
//!
//! The guests are `tests/guests/{misdeeds,liar}`, built by `cargo xtask plugins` into `target/guests`, and components in text in
//! this folder. `cargo test -p wattdog-plugin-runtime --test hostile -- --nocapture` shows the list.
#![allow(clippy::print_stdout, reason = "the list is what a person wants of this test")]

mod components;
mod guests;
mod process;

use wattdog_plugin_runtime::Fault;

/// What has to come of a guest.
pub(crate) type Outcome = fn(&Result<String, Fault>) -> bool;

/// One after the other: what a guest leaves behind is measured.
#[test]
fn hostile_guests_cost_their_own_call_and_nothing_else() {
    let mut world = guests::World::new();
    let mut cases = 0;
    let wrong: Vec<String> = guests::cases()
        .into_iter()
        .chain(components::cases())
        .filter_map(|case| {
            cases += 1;
            world.run(case)
        })
        .collect();
    println!("{cases} hostile guests");
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}
