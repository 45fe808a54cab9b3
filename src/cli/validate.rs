//! `infra validate`: everything that is wrong with a description and its migrations' folder, without calling anything.

use std::path::PathBuf;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::{BAD_INPUT, CLEAN};
use crate::{
    migrate::{Folder, FolderError},
    render::output::tell,
    stack::{self, Diagnostic, Severity, Sources},
};

/// Check a stack description and its migrations folder; shows every mistake at once, with its line.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infra validate\n  infra validate stacks/production.yaml --set service.image=public.ecr.aws/shop/web:1.4.2\n  sops decrypt stack.enc.yaml | infra validate -\n  infra validate --json | jq -r 'select(.message) | \"\\(.file):\\(.line): \\(.message)\"'\n\nThe SQL of the migrations is checked by `infra migrate lint`. Exits with 3 if there are errors; warnings alone are fine."
)]
pub(crate) struct Args {
    /// The stack description; `-` reads it from standard input.
    #[arg(value_name = "FILE", default_value = "stack.yaml")]
    file: PathBuf,

    /// Set a value of the description, e.g. `--set service.image=public.ecr.aws/x/y:1`. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// Print one JSON object per line: each error and warning, then a summary.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> u8 {
    // The folder of the program is needed by the local cloud alone: who uses that is told there.
    let loaded = stack::load_with(&Sources::new(&args.file, &args.set), &[stack::MIGRATIONS_FOLDER]);
    let (name, diagnostics, defects) = match loaded {
        Ok(loaded) => {
            let folder = loaded.description.migrations.map(|migrations| migrations.folder);
            (Some(loaded.description.stack), loaded.warnings, folder.map_or_else(Vec::new, |folder| defects(&folder)))
        }
        Err(invalid) => (None, invalid.diagnostics, Vec::new()),
    };
    if args.json {
        print_json(&args.file, &diagnostics, &defects);
    } else {
        let valid = name.as_ref().filter(|_| defects.is_empty());
        print_text(&args.file, valid.map(stack::StackName::as_str), &diagnostics, &defects);
    }
    if name.is_some() && defects.is_empty() { CLEAN } else { BAD_INPUT }
}

/// Everything that is wrong with the folder of migrations.
fn defects(folder: &std::path::Path) -> Vec<FolderError> {
    match Folder::inspect(folder) {
        Ok((_, defects)) => defects,
        Err(error) => vec![error],
    }
}

/// With the line and a caret, where it is about a place.
fn report(defect: &FolderError, width: usize, colours: bool) -> String {
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).with_width(width).render_report(&mut text, defect) {
        Ok(()) => text.trim_end().to_owned(),
        Err(_) => defect.to_string(),
    }
}

fn print_json(file: &std::path::Path, diagnostics: &[Diagnostic], defects: &[FolderError]) {
    for diagnostic in diagnostics {
        super::print(&serde_json::json!(diagnostic).to_string());
    }
    for defect in defects {
        let position = defect.position();
        let mut object = serde_json::json!({
            "severity": Severity::Error, "file": defect.path().display().to_string(), "message": defect.to_string(),
        });
        if let Some(position) = position {
            (object["line"], object["column"]) = (position.line.into(), position.column.into());
        }
        if let Some(help) = miette::Diagnostic::help(defect) {
            object["help"] = help.to_string().into();
        }
        super::print(&object.to_string());
    }
    let number = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let errors = number(Severity::Error) + defects.len();
    let summary = serde_json::json!({
        "file": file.display().to_string(), "valid": errors == 0, "errors": errors, "warnings": number(Severity::Warning),
    });
    super::print(&summary.to_string());
}

fn print_text(file: &std::path::Path, name: Option<&str>, diagnostics: &[Diagnostic], defects: &[FolderError]) {
    let (colours, width) =
        (console::colors_enabled_stderr(), usize::from(console::Term::stderr().size().1).clamp(60, 120));
    for diagnostic in diagnostics {
        let text = diagnostic.render(width, colours);
        tell(text.strip_suffix('\n').unwrap_or(&text));
    }
    for defect in defects {
        tell(&report(defect, width, colours));
    }
    let count = stack::count(diagnostics);
    match name {
        Some(name) if count.is_empty() => super::print(&format!("{} is valid: the stack {name}.", file.display())),
        Some(name) => super::print(&format!("{} is valid: the stack {name}; {count}.", file.display())),
        None if defects.is_empty() => tell(&format!("{count} in {}.", file.display())),
        None => {
            let count = crate::render::value::count(defects.len(), "error");
            tell(&format!("{count} in the migrations of {}.", file.display()));
        }
    }
}
