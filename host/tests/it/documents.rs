//! What the documents tell people to run, runs: every block marked `sh`, from the root of a checkout.

use std::path::Path;
use std::process::Command;

use crate::servers::workspace;

/// The commands of a document's `sh` blocks. Others need an operator's own cluster, and are marked `console`.
fn commands(document: &Path) -> String {
    let text = std::fs::read_to_string(document).unwrap();
    let mut commands = String::new();
    let mut in_block = false;
    for line in text.lines() {
        match line {
            "```sh" => in_block = true,
            "```" => in_block = false,
            line if in_block => commands = commands + line + "\n",
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_documents_runs() {
    let root = workspace();
    let programs = Path::new(env!("CARGO_BIN_EXE_wattdog")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for entry in std::fs::read_dir(root.join("host/docs")).unwrap() {
        let document = entry.unwrap().path();
        if document.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let commands = commands(&document);
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &commands]).current_dir(&root).env("PATH", &path);
        let output = bash.env("WATTDOG_LOG", "warn").output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{}: {}\n{said}", document.display(), output.status);
        run += commands.lines().count();
    }
    assert!(run > 20, "only {run} lines were found");
}
