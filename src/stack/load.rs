//! Files and arguments to a checked description: everything that is wrong with it is found in one go.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::check::Checker;
use super::cross::{self, Ground};
use super::decode::{LARGEST, decode};
use super::finding::{Finding, Severity};
use super::source::{Catalog, Place, Source};
use super::substitute::{Filled, substitute};
use super::tree::{Node, Value};
use super::{Diagnostic, Invalid, Migrations, Stack, assign, yaml};

/// More files than any description extends, fewer than a tangle of them makes.
const MOST_FILES: usize = 50;

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Whether `file` stands for standard input; a file of that name is written `./-`.
#[must_use]
pub fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == STANDARD_INPUT
}

/// How `${env:NAME}` is looked up.
pub type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// Where a description comes from.
pub struct Sources {
    /// The file to start with; `-` is standard input.
    pub file: PathBuf,
    /// `path=value` each, over what the files say, the last one on top.
    pub set: Vec<String>,
    /// The environment of this process, unless a test has one of its own.
    pub environment: Environment,
}

impl Sources {
    /// A file and the arguments of `--set`, with the environment of this process.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, set: &[String]) -> Self {
        Self { file: file.into(), set: set.to_vec(), environment: Box::new(|name| std::env::var(name).ok()) }
    }
}

/// A description that can be deployed.
#[derive(Debug)]
pub struct Loaded {
    /// The description.
    pub description: Stack,
    /// What somebody should know all the same.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, the first one first.
    pub files: Vec<PathBuf>,
}

impl Loaded {
    /// For verbs that need folders that others can do without: one that is not there is an error. `needed` are the fields
    /// that name them.
    ///
    /// # Errors
    /// Where one is not there.
    pub fn with(mut self, needed: &[&str]) -> Result<Self, Invalid> {
        if need(&mut self.warnings, needed) { Err(Invalid { diagnostics: self.warnings }) } else { Ok(self) }
    }
}

/// The same where more may be wrong with the description.
///
/// # Errors
/// All that is wrong with it, and what is needed and not there.
pub fn load_with(sources: &Sources, needed: &[&str]) -> Result<Loaded, Invalid> {
    match load(sources) {
        Ok(loaded) => loaded.with(needed),
        Err(mut invalid) => {
            need(&mut invalid.diagnostics, needed);
            Err(invalid)
        }
    }
}

/// Makes errors of what is said of the folders that are needed; whether there are any.
fn need(diagnostics: &mut [Diagnostic], needed: &[&str]) -> bool {
    let mut any = false;
    for missing in diagnostics.iter_mut().filter(|one| needed.contains(&one.path.as_str())) {
        (missing.severity, any) = (Severity::Error, true);
    }
    any
}

/// Reads, overlays and checks a description.
///
/// # Errors
/// All that is wrong with it, in the order of the files.
pub fn load(sources: &Sources) -> Result<Loaded, Invalid> {
    load_part(sources, None)
}

/// The section `migrations` alone, for verbs that need nothing else of a description: the rest may be left out, or be wrong.
///
/// # Errors
/// All that is wrong with that section, and with the files as such.
pub fn load_migrations(sources: &Sources) -> Result<Option<Migrations>, Invalid> {
    Ok(load_part(sources, Some("migrations"))?.description.migrations)
}

fn load_part(sources: &Sources, only: Option<&'static str>) -> Result<Loaded, Invalid> {
    let mut reader = Reader {
        sources,
        only,
        catalog: Catalog::default(),
        findings: Vec::new(),
        files: Vec::new(),
        filled: Filled::default(),
        complete: true,
    };
    let tree = reader.tree();
    let Reader { catalog, mut findings, files, filled, complete, .. } = reader;
    let mut description = None;
    if let Some(tree) = tree {
        let whole = complete && only.is_none();
        let mut checker = Checker { catalog: &catalog, findings: Vec::new(), failed: Vec::new(), complete: whole };
        let json = checker.document(&tree);
        let Checker { findings: found, failed, .. } = checker;
        findings.extend(found);
        match typed(json, &failed) {
            Ok(stack) if complete => {
                if whole {
                    findings.extend(cross::check(&Ground { stack: &stack, root: &tree, failed: &failed }));
                }
                description = Some(stack);
            }
            Ok(_) => {}
            Err(message) => findings.push(Finding::error(tree.place, "", message)),
        }
    }
    let findings = findings.into_iter().map(|finding| filled.conceal(finding)).collect();
    finish(description, findings, &catalog, files)
}

/// The typed description. What could not be read has been taken out of `json`; where the types cannot do without, something valid
/// stands in, so that the rest can be judged. With anything in `failed` the result is never handed out.
fn typed(mut json: Json, failed: &[String]) -> Result<Stack, String> {
    let stand_in = |json: &mut Json, key: &str, value: &str| {
        if let Some(map) = json.as_object_mut().filter(|map| !map.contains_key(key)) {
            map.insert(key.to_owned(), value.into());
        }
    };
    let missing_here = |path: &str| failed.iter().any(|failed| failed == path);
    if missing_here("stack") || json.get("stack").is_none() {
        stand_in(&mut json, "stack", "stack");
    }
    if let Some(service) = json.get_mut("service") {
        stand_in(service, "image", "public.ecr.aws/stand/in:1");
        if let Some(local) = service.get_mut("local") {
            stand_in(local, "command", "stand-in");
        }
    }
    serde_json::from_value(json).map_err(|error| format!("this cannot be read as a stack description: {error}"))
}

fn finish(
    description: Option<Stack>,
    findings: Vec<Finding>,
    catalog: &Catalog,
    files: Vec<PathBuf>,
) -> Result<Loaded, Invalid> {
    let mut findings = findings;
    findings.sort_by_key(|finding| (finding.place.is_some(), finding.place, finding.path.clone()));
    let invalid = findings.iter().any(|finding| finding.severity == Severity::Error);
    let diagnostics: Vec<Diagnostic> = findings.into_iter().map(|finding| Diagnostic::new(finding, catalog)).collect();
    match description.filter(|_| !invalid) {
        Some(description) => Ok(Loaded { description, warnings: diagnostics, files }),
        None => Err(Invalid { diagnostics }),
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    /// The one section that is read; none: all of them.
    only: Option<&'static str>,
    catalog: Catalog,
    findings: Vec<Finding>,
    files: Vec<PathBuf>,
    /// What came from the environment.
    filled: Filled,
    /// Whether every file and argument could be read.
    complete: bool,
}

impl Reader<'_> {
    fn tree(&mut self) -> Option<Node> {
        let mut tree = self.file(&self.sources.file.clone(), None, &mut Vec::new());
        for argument in &self.sources.set {
            let (number, source) = self.catalog.add(Source::argument(argument));
            match assign::read(&source, number) {
                Ok(mut over) => {
                    self.prune(&mut over);
                    substitute(&mut over, &self.sources.environment, &mut self.findings, &mut self.filled);
                    tree = tree.map(|tree| tree.overlay(over));
                }
                Err(findings) => {
                    self.complete = false;
                    self.findings.extend(findings);
                }
            }
        }
        tree
    }

    /// A file's tree over those that it extends. `from` says where the file is named, `chain` which files are being read.
    fn file(&mut self, path: &Path, from: Option<Place>, chain: &mut Vec<PathBuf>) -> Option<Node> {
        let shown = path.display().to_string();
        let finding = |message: String| match from {
            Some(place) => Finding::error(place, "extends", message),
            None => Finding::about_file(shown.clone(), message),
        };
        let given = if from.is_none() && is_standard_input(path) { limited(std::io::stdin()) } else { read(path) };
        let bytes = match given {
            Ok(bytes) => bytes,
            Err(error) => {
                let finding = finding(format!("{shown} cannot be read: {}", reason(&error)));
                return self.give_up(finding.help(match from {
                    Some(_) => "`extends:` takes paths relative to the file that says it",
                    None => "name another file, or begin with a copy of stack.example.yaml",
                }));
            }
        };
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if chain.contains(&identity) {
            let names =
                chain.iter().chain([&identity]).filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
            let finding = finding(format!("{shown} extends itself: {}", names.collect::<Vec<_>>().join(" → ")));
            return self.give_up(finding.help("take one of the `extends:` out"));
        }
        if self.files.len() >= MOST_FILES {
            return self.give_up(finding(format!("with {shown} the description has more than {MOST_FILES} files")));
        }
        self.files.push(path.to_owned());
        chain.push(identity);
        let tree = self.document(path, bytes, from).and_then(|tree| self.extended(tree, path, chain));
        chain.pop();
        tree
    }

    fn give_up(&mut self, finding: Finding) -> Option<Node> {
        self.complete = false;
        self.findings.push(finding);
        None
    }

    fn document(&mut self, path: &Path, bytes: Vec<u8>, from: Option<Place>) -> Option<Node> {
        // The number is known before the source is there: a finding about its characters needs it.
        let number = self.catalog.len();
        let (text, finding) = decode(&path.display().to_string(), bytes, number);
        // Whoever may name a file need not be who may read it: nothing is shown of one that is something else.
        if let Some(place) = from.filter(|_| !is_likely(&text)) {
            let message = format!("{} is no stack description: it has none of its sections", path.display());
            return self.give_up(
                Finding::error(place, "extends", message).help("name another file, or begin it with a section"),
            );
        }
        let (number, source) = self.catalog.add(Source::file(path, text));
        if let Some(finding) = finding {
            let elsewhere = if finding.place.is_none() { from } else { None };
            return self.give_up(Finding { place: finding.place.or(elsewhere), ..finding });
        }
        let (tree, findings) = yaml::read(&source, number);
        self.findings.extend(findings);
        let Some(mut tree) = tree else {
            self.complete = false;
            return None;
        };
        self.prune(&mut tree);
        substitute(&mut tree, &self.sources.environment, &mut self.findings, &mut self.filled);
        if !matches!(tree.value, Value::Map(_)) {
            let finding = Finding::error(
                tree.place,
                "",
                format!("a description is a map of sections; this file holds {}", tree.kind()),
            );
            return self.give_up(finding.help("begin with `stack: name`"));
        }
        Some(tree)
    }

    /// Takes out the sections that are not read; what is none stays, as it may be a misspelt one.
    fn prune(&self, tree: &mut Node) {
        if let (Some(only), Value::Map(entries)) = (self.only, &mut tree.value) {
            let sections = &super::schema::STRICT["properties"];
            entries
                .retain(|entry| [only, "extends"].contains(&entry.key.as_str()) || sections.get(&entry.key).is_none());
        }
    }

    /// The tree without `extends`, over those that it names, the last of them on top.
    fn extended(&mut self, mut tree: Node, path: &Path, chain: &mut Vec<PathBuf>) -> Option<Node> {
        let Value::Map(entries) = &mut tree.value else { return Some(tree) };
        let Some(at) = entries.iter().position(|entry| entry.key == "extends") else { return Some(tree) };
        let extends = entries.remove(at);
        let named = match extends.value.value {
            Value::List(items) => items,
            _ => vec![extends.value],
        };
        let mut below: Option<Node> = None;
        for node in named {
            let place = if matches!(node.value, Value::Empty) { extends.place } else { node.place };
            let base = match &node.value {
                Value::Scalar(scalar) if !scalar.text.is_empty() => scalar.text.clone(),
                Value::Null | Value::Unknown => continue,
                _ => {
                    let finding = Finding::error(
                        place,
                        "extends",
                        format!("`extends` takes paths of files; this is {}", node.kind()),
                    );
                    self.give_up(finding.help("write `extends: base.yaml`, or `extends: [base.yaml, region.yaml]`"));
                    continue;
                }
            };
            let folder = path.parent().unwrap_or(Path::new(""));
            if let Some(base) = self.file(&folder.join(base), Some(place), chain) {
                below = Some(match below {
                    Some(below) => below.overlay(base),
                    None => base,
                });
            }
        }
        Some(match below {
            Some(below) => below.overlay(tree),
            None => tree,
        })
    }
}

/// Whether a text has a line that begins as a line of a description does.
fn is_likely(text: &str) -> bool {
    let schema = &*super::schema::STRICT;
    let sections = || schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    text.lines().map(|line| line.trim_start_matches(|c: char| c.is_whitespace() || "{,\"'".contains(c))).any(|line| {
        let key = line.split(':').next().unwrap_or_default().trim_end_matches(['"', '\'', ' ']);
        line.contains(':') && (key == "extends" || key.starts_with("x-") || sections().any(|name| name == key))
    })
}

/// A file's bytes, one more than the largest allowed at most.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    limited(file)
}

fn limited(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
