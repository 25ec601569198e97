//! Writes a template out under another name.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{self, Embedded};
use super::manifest::stand_alone;
use super::readme::readme;
use super::rename::{has_word, replace_word};
use super::{Lang, PluginName, Template, TemplateKind};

/// Vendored crates of a plugin in Rust.
const SDK: &str = "wattdog-plugin";
const TESTKIT: &str = "wattdog-plugin-testkit";

/// A plugin's folder before it is written: relative paths and texts.
pub struct Scaffold {
    files: Vec<(PathBuf, String)>,
    rule: &'static str,
}

impl Scaffold {
    /// The example of that language and kind, called `name`, with the contract and all code of this repository that it needs.
    #[must_use]
    pub fn new(name: &PluginName, lang: Lang, kind: TemplateKind) -> Self {
        let template = Template::of(lang, kind);
        let type_name = free_type_name(name, &template);
        let renamed = |text: &str| {
            let mut text = replace_word(text, template.name, name.kebab());
            if lang == Lang::Rust {
                text = replace_word(&text, &template.name.replace('-', "_"), &name.snake());
            }
            replace_word(&text, template.type_name, &type_name).replace(" to copy:", ":")
        };
        let mut files: Vec<_> =
            template.files.iter().copied().flatten().map(|file| (renamed(file.path).into(), renamed(file.text))).collect();
        match lang {
            Lang::Rust => vendor_crates(&mut files),
            Lang::Python | Lang::Javascript => add(&mut files, "wit", files::CONTRACT),
        }
        files.push(("README.md".into(), readme(name, lang, kind, template.rule)));
        Self { files, rule: template.rule }
    }

    /// The file with the rule.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// How many files.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Writes all files into a folder that is not there yet.
    ///
    /// # Errors
    /// When it is there, or cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), String> {
        if folder.symlink_metadata().is_ok() {
            return Err(format!("{} is there already: take another name, or remove it", folder.display()));
        }
        for (path, text) in &self.files {
            let file = folder.join(path);
            write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        }
        Ok(())
    }
}

/// A type must not have the name of another that the rule uses.
fn free_type_name(name: &PluginName, template: &Template) -> String {
    let is_taken = |type_name: &str| template.files.iter().copied().flatten().any(|file| has_word(file.text, type_name));
    let mut type_name = name.pascal();
    while type_name != template.type_name && (is_taken(&type_name) || RESERVED_TYPES.contains(&type_name.as_str())) {
        type_name.push_str("Rule");
    }
    type_name
}

/// Words that cannot name a type in one of the languages, whether a template uses them or not.
const RESERVED_TYPES: [&str; 4] = ["Self", "True", "False", "None"];

fn vendor_crates(files: &mut Vec<(PathBuf, String)>) {
    let [workspace, toolchain] = files::WORKSPACE else { unreachable!("two files are listed") };
    for (path, text) in files.iter_mut() {
        if path.as_os_str() == "Cargo.toml" {
            *text = own_manifest(text);
        }
    }
    files.push((toolchain.path.into(), toolchain.text.into()));
    for (folder, embedded) in [(SDK, files::SDK), (TESTKIT, files::TESTKIT)] {
        for file in embedded {
            let text = match file.path {
                "Cargo.toml" => stand_alone(file.text, workspace.text),
                // The contract comes along inside the crate.
                _ => file.text.replace("\"../../wit/v1\"", "\"wit\""),
            };
            files.push((Path::new(folder).join(file.path), text));
        }
    }
    add(files, "wattdog-plugin/wit", files::CONTRACT);
}

fn own_manifest(example: &str) -> String {
    let mut manifest = String::new();
    for line in example.lines() {
        match line.strip_prefix('#') {
            Some(_) => {
                manifest.push_str("# The crates that it needs are beside it, as they were in the wattdog that made this folder.")
            }
            None => manifest.push_str(line),
        }
        manifest.push('\n');
    }
    manifest.replace("../../../plugins/sdk", SDK).replace("../../../plugins/testkit", TESTKIT)
}

fn add(files: &mut Vec<(PathBuf, String)>, folder: &str, embedded: &[Embedded]) {
    files.extend(embedded.iter().map(|file| (Path::new(folder).join(file.path), file.text.to_owned())));
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    fs::create_dir_all(file.parent().expect("a file is in a folder"))?;
    fs::write(file, text)?;
    #[cfg(unix)]
    if file.extension().is_some_and(|extension| extension == "sh") {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(Lang, TemplateKind); 6] = [
        (Lang::Rust, TemplateKind::Detector),
        (Lang::Rust, TemplateKind::Enricher),
        (Lang::Python, TemplateKind::Detector),
        (Lang::Python, TemplateKind::Enricher),
        (Lang::Javascript, TemplateKind::Detector),
        (Lang::Javascript, TemplateKind::Enricher),
    ];

    #[test]
    fn nothing_of_the_example_s_name_or_place_is_left() {
        for (lang, kind) in ALL {
            let name = PluginName::new("my-own", lang).unwrap();
            let template = Template::of(lang, kind);
            let scaffold = Scaffold::new(&name, lang, kind);
            let has = |path: &str| scaffold.files.iter().any(|(other, _)| other == Path::new(path));
            assert!(has("my-own.toml") && has("README.md") && has("build.sh") && has(template.rule), "{lang:?} {kind:?}");
            for (path, text) in &scaffold.files {
                for word in [template.name, template.type_name, "workspace = true", "../../../plugins", "to copy"] {
                    assert!(!text.contains(word), "{lang:?} {kind:?} {}: {word}", path.display());
                }
            }
            let rule = scaffold.files.iter().find(|(path, _)| path == Path::new(template.rule)).map(|(_, text)| text).unwrap();
            assert!(rule.contains("my-own") && rule.contains("MyOwn"), "{lang:?} {kind:?}");
        }
    }

    #[test]
    fn a_type_does_not_hide_another() {
        let template = Template::of(Lang::Python, TemplateKind::Detector);
        let type_name = |name| free_type_name(&PluginName::new(name, Lang::Python).unwrap(), &template);
        assert_eq!([type_name("column"), type_name("true"), type_name("spike")], ["ColumnRule", "TrueRule", "Spike"]);
    }
}
