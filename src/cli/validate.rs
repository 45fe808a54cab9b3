//! `infra validate`: everything that is wrong with a description, without calling anything.

use std::path::PathBuf;

use super::{BAD_INPUT, CLEAN};
use crate::{
    render::output::tell,
    stack::{self, Diagnostic, Severity, Sources},
};

/// Check a stack description: all that is wrong with it at once, each with its line.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infra validate\n  infra validate stacks/production.yaml --set service.image=public.ecr.aws/shop/web:1.4.2\n  infra validate --json | jq -r 'select(.message) | \"\\(.file):\\(.line): \\(.message)\"'\n\nExits with 3 when there are errors; warnings alone are fine."
)]
pub(crate) struct Args {
    /// The stack description.
    #[arg(value_name = "FILE", default_value = "stack.yaml")]
    file: PathBuf,

    /// Set a value of the description, e.g. `--set service.image=public.ecr.aws/x/y:1`. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// One JSON object a line: each error and warning, then a summary.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> u8 {
    let (name, diagnostics) = match stack::load(&Sources::new(&args.file, &args.set)) {
        Ok(loaded) => (Some(loaded.description.stack), loaded.warnings),
        Err(invalid) => (None, invalid.diagnostics),
    };
    if args.json {
        print_json(&args.file, &diagnostics);
    } else {
        print_text(&args.file, name.as_ref().map(stack::StackName::as_str), &diagnostics);
    }
    if name.is_some() { CLEAN } else { BAD_INPUT }
}

fn print_json(file: &std::path::Path, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        super::print(&serde_json::json!(diagnostic).to_string());
    }
    let number = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let errors = number(Severity::Error);
    let summary = serde_json::json!({
        "file": file.display().to_string(), "valid": errors == 0, "errors": errors, "warnings": number(Severity::Warning),
    });
    super::print(&summary.to_string());
}

fn print_text(file: &std::path::Path, name: Option<&str>, diagnostics: &[Diagnostic]) {
    let (colours, width) =
        (console::colors_enabled_stderr(), usize::from(console::Term::stderr().size().1).clamp(60, 120));
    for diagnostic in diagnostics {
        let text = diagnostic.render(width, colours);
        tell(text.strip_suffix('\n').unwrap_or(&text));
    }
    let count = stack::count(diagnostics);
    match name {
        Some(name) if count.is_empty() => super::print(&format!("{} is valid: the stack {name}.", file.display())),
        Some(name) => super::print(&format!("{} is valid: the stack {name}; {count}.", file.display())),
        None => tell(&format!("{count} in {}.", file.display())),
    }
}
