//! A crate of this workspace as one that stands alone.

use toml::{Table, Value};

/// What a member inherits with `key.workspace = true`, filled in; paths between crates of the workspace point to `../<name>`.
///
/// # Panics
/// If a manifest of this repository is broken: it has been built with them.
pub(super) fn stand_alone(member: &str, workspace: &str) -> String {
    let mut member: Table = member.parse().expect("the member's manifest is TOML");
    let workspace: Table = workspace.parse().expect("the workspace's manifest is TOML");
    let shared = &workspace["workspace"];
    // Rules for the code of this workspace, not for its users.
    member.remove("lints");
    for (table, source) in [("package", "package"), ("dependencies", "dependencies")] {
        let Some(Value::Table(entries)) = member.get_mut(table) else { continue };
        for (key, value) in entries.iter_mut() {
            if value.get("workspace").is_some() {
                *value = inherited(key, value, &shared[source][key.as_str()]);
            }
        }
    }
    let package = member.remove_entry("package").expect("a crate is a package");
    [Table::from_iter([package]), member].map(|table| toml::to_string(&table).expect("a manifest can be written")).join("\n")
}

fn inherited(key: &str, value: &Value, shared: &Value) -> Value {
    let mut inherited = shared.clone();
    if let Some(path) = inherited.get_mut("path") {
        *path = format!("../{key}").into();
    }
    if let Some(features) = value.get("features").and_then(Value::as_array) {
        let mut table = match inherited {
            Value::Table(table) => table,
            version => Table::from_iter([("version".to_owned(), version)]),
        };
        let all = table.entry("features").or_insert_with(|| Value::Array(Vec::new()));
        all.as_array_mut().expect("features are a list").extend(features.iter().cloned());
        return table.into();
    }
    inherited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_inherited_any_more() {
        let workspace = r#"
            [workspace.package]
            version = "0.1.0"
            [workspace.dependencies]
            near = { path = "somewhere/near" }
            plain = "2"
            rich = { version = "3", default-features = false, features = ["one"] }
        "#;
        let member = r#"
            [package]
            name = "member"
            version.workspace = true
            [lints]
            workspace = true
            [dependencies]
            near.workspace = true
            own = "1"
            plain = { workspace = true, features = ["b"] }
            rich = { workspace = true, features = ["two"] }
        "#;
        let expected = r#"
            [package]
            name = "member"
            version = "0.1.0"
            [dependencies]
            near = { path = "../near" }
            own = "1"
            plain = { version = "2", features = ["b"] }
            rich = { version = "3", default-features = false, features = ["one", "two"] }
        "#;
        assert_eq!(stand_alone(member, workspace).parse::<Table>().unwrap(), expected.parse::<Table>().unwrap());
    }
}
