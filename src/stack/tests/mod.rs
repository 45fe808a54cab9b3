//! Whole descriptions: what is read from good ones, what is said about bad ones.

mod errors;
mod files;
mod fuzz;
mod names;
mod warnings;

use std::path::Path;

use super::{Invalid, Loaded, Sources, load};

/// Loads `stack.yaml` from a folder with these files; the environment has `TAG` and `EMPTY`.
fn load_files(files: &[(&str, &[u8])], set: &[&str]) -> (tempfile::TempDir, Result<Loaded, Invalid>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("drizzle")).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let loaded = load(&Sources {
        file: folder.path().join("stack.yaml"),
        set: set.iter().map(|set| (*set).to_owned()).collect(),
        environment: Box::new(|name| match name {
            "TAG" => Some("1.4.2".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }),
    });
    (folder, loaded)
}

/// Loads one file.
fn load_text(text: &str) -> Result<Loaded, Invalid> {
    load_files(&[("stack.yaml", text.as_bytes())], &[]).1
}

/// What a user sees, without the folder's name, which is another one each time.
fn shown(folder: &Path, text: &str) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}

/// What is said about each of these files, as a user sees it.
fn told(cases: &[(&str, &str)]) -> String {
    let mut told = String::new();
    for (title, text) in cases {
        let (folder, loaded) = load_files(&[("stack.yaml", text.as_bytes())], &[]);
        told.push_str(&format!("# {title}\n{}\n\n", shown(folder.path(), &report(&loaded))));
    }
    told
}

fn report(loaded: &Result<Loaded, Invalid>) -> String {
    match loaded {
        Ok(loaded) if loaded.warnings.is_empty() => "valid".to_owned(),
        Ok(loaded) => loaded.warnings.iter().map(|warning| warning.render(100, false)).collect(),
        Err(invalid) => invalid.render(100, false),
    }
}
