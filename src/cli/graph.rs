//! `infra graph`: what depends on what, as Mermaid or DOT.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use miette::IntoDiagnostic as _;

use super::{CLEAN, Failure, print};
use crate::{
    engine::{Address, Desired},
    migrate::Folder,
    resources::{KINDS, expand::expand, facts::Facts},
    stack,
};

/// Print the graph of the stack's resources, as Mermaid or DOT.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  infra graph > stack.mmd\n  infra graph --format dot | dot -Tsvg > stack.svg")]
pub(super) struct Args {
    /// The stack description.
    #[arg(value_name = "FILE", default_value = "stack.yaml")]
    file: PathBuf,

    /// Set a value of the description.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// The output format.
    #[arg(long, default_value = "mermaid")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Mermaid,
    Dot,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let loaded = stack::load(&stack::Sources::new(&args.file, &args.set)).map_err(Failure::Invalid)?;
    // The graph is the same in every account and region; nothing is called for it.
    let mut facts = Facts::default();
    if let Some(migrations) = &loaded.description.migrations {
        let folder = Folder::read(&migrations.folder).map_err(|error| Failure::Input(error.into()))?;
        facts.migrations = Some(Arc::new(folder));
    }
    let desired = expand(&loaded.description, &facts).into_diagnostic()?;
    let edges = edges(&desired);
    print(&match args.format {
        Format::Mermaid => mermaid(&desired, &edges),
        Format::Dot => dot(&desired, &edges),
    });
    Ok(CLEAN)
}

fn edges(desired: &[Desired]) -> Vec<(&Address, &Address)> {
    let mut edges = Vec::new();
    for from in desired {
        let after = KINDS.iter().find(|kind| kind.name == from.kind).map_or(&[][..], |kind| kind.after);
        for to in desired {
            if from.references.contains(&to.address) || after.contains(&to.kind) {
                edges.push((&from.address, &to.address));
            }
        }
    }
    edges
}

fn mermaid(desired: &[Desired], edges: &[(&Address, &Address)]) -> String {
    let id = |address: &Address| address.as_str().replace(['/', '-', '.'], "_");
    let mut text = "flowchart LR\n".to_owned();
    for one in desired {
        let _ = writeln!(text, "  {}[\"{}\"]", id(&one.address), one.address);
    }
    for (from, to) in edges {
        let _ = writeln!(text, "  {} --> {}", id(from), id(to));
    }
    text
}

fn dot(desired: &[Desired], edges: &[(&Address, &Address)]) -> String {
    let mut text = "digraph stack {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
    for one in desired {
        let _ = writeln!(text, "  \"{}\";", one.address);
    }
    for (from, to) in edges {
        let _ = writeln!(text, "  \"{from}\" -> \"{to}\";");
    }
    text.push('}');
    text
}
