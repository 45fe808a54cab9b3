//! `infra migrate lint`: what is wrong or dangerous in migrations, before they reach a database; `--fix` writes guards.

mod show;

use std::path::Path;

use miette::miette;

use super::{
    ended, print, read_failed,
    source::{SourceArgs, known},
};
use crate::{
    cli::{CLEAN, FAILED, Failure},
    migrate::{
        Folder, FolderError, Ledger,
        lint::{self, Fix, Known, Report, Rule, Settings, Severity, fix::fixes},
    },
    render::command::whole,
    stack::TransactionScope,
};

/// Find what is wrong or dangerous in migrations before they reach a database, and write guards with --fix.
///
/// Needs no database. If one is given, it checks what is pending there; applied migrations are never rewritten.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Errors cannot work, are silently skipped, or lose data. Warnings are dangerous on large tables, while the service is running, or if something runs twice. A rule is switched off for one statement by a comment above it,\n  -- infra: allow drop-column the service stopped using it in 1.4\nfor a file by `-- infra: allow-file RULE`, and for all by migrations.lint.allow in stack.yaml.\n\nExamples:\n  infra migrate lint --folder drizzle                    all of them, without a database\n  infra migrate lint --url \"$DATABASE_URL\" --fix         write guards into what is pending there\n  infra migrate lint --after 0041_prices --deny warnings for CI: what comes after the last release\n  infra migrate lint --rules                             every rule, with why and what to do\n  infra migrate lint --json | jq -r 'select(.rule) | \"\\(.file):\\(.line): \\(.message)\"'\n\nExit codes: 0 no errors, 1 errors, 3 bad input."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    /// Ask no database, even if the environment names one.
    #[arg(long)]
    offline: bool,

    /// Ask no database: assume that migrations are applied up to this one, and not after it.
    #[arg(long, value_name = "TAG")]
    after: Option<String>,

    /// Ask no database: assume that no migration is applied anywhere.
    #[arg(long, conflicts_with = "after")]
    assume_pending: bool,

    /// Check applied migrations as well; they are never rewritten.
    #[arg(long)]
    all: bool,

    /// Switch a rule off. May be repeated.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    allow: Vec<&'static Rule>,

    /// Treat a rule's findings as errors; `warnings` means every rule. May be repeated.
    #[arg(long, value_name = "RULE", value_parser = denied)]
    deny: Vec<Denied>,

    /// Write guards into the migrations that are not applied, and show what changed.
    #[arg(long)]
    fix: bool,

    /// With --fix: show what would change, and write nothing.
    #[arg(long, requires = "fix")]
    dry_run: bool,

    /// Show every finding, not just the first few of each rule.
    #[arg(long)]
    verbose: bool,

    /// List the rules: what each finds, why, and what to do.
    #[arg(long)]
    rules: bool,
}

/// The command that says what is applied of a folder that cannot be read.
const STATUS: &str = "infra migrate status";

#[derive(Debug, Clone, Copy)]
enum Denied {
    Warnings,
    Rule(&'static Rule),
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    if args.rules {
        print(&if args.source.json { show::rules_json() } else { show::rules() });
        return Ok(CLEAN);
    }
    let (described, path, ledger) = args.source.places()?;
    let (mut folder, mut defects) = args.inspect(&path, &ledger).await?;
    let lint_section = described.as_ref().map(|migrations| migrations.lint.clone()).unwrap_or_default();
    let known = match args.assumed(&folder, lint_section.after.as_deref())? {
        Some(known) => known,
        None => {
            let contents = ledger.read(&args.source.connect().await?).await.map_err(read_failed)?;
            Known::Ledger(ledger.clone(), Box::new(contents))
        }
    };
    let settings = Settings {
        known,
        all: args.all,
        off: args.allow.iter().copied().chain(lint_section.allow.iter().map(|rule| rule.0)).collect(),
        deny: args.deny.iter().filter_map(|it| if let Denied::Rule(rule) = it { Some(*rule) } else { None }).collect(),
        deny_warnings: args.deny.iter().any(|denied| matches!(denied, Denied::Warnings)),
        together: described.is_some_and(|migrations| migrations.transaction == TransactionScope::All),
        ..Settings::default()
    };
    let mut report = lint::lint(&folder, &defects, &settings).map_err(no_thread)?;
    if args.fix {
        let fixes = args.fixes(&folder, &report, &settings)?;
        args.fix(&fixes)?;
        if args.dry_run {
            let put_right = |path: &std::path::Path| fixes.iter().any(|fix| fix.path == path);
            report.findings.retain(|finding| !(finding.is_fixable() && put_right(&finding.path)));
        } else if !fixes.is_empty() {
            (folder, defects) = args.inspect(&path, &ledger).await?;
            report = lint::lint(&folder, &defects, &settings).map_err(no_thread)?;
        }
    }
    for finding in &mut report.findings {
        finding.fix = whole(&finding.fix).into_owned();
    }
    let code = if report.count(Severity::Error) > 0 { FAILED } else { CLEAN };
    if args.source.json {
        show::findings_json(&report).for_each(|finding| print(&finding));
        return Ok(ended(show::summary_json(&report), code));
    }
    print(&show::text(&report, args.verbose, args.fix));
    Ok(code)
}

impl Args {
    /// Whether a database is there to be asked, and nothing says in its place which are applied.
    fn asks(&self) -> bool {
        !self.assume_pending && self.after.is_none() && !self.offline && self.source.names_database()
    }

    /// The folder as far as it can be read; where nothing can be, why, with what a ledger has of it or how to ask one.
    async fn inspect(&self, path: &Path, ledger: &Ledger) -> Result<(Folder, Vec<FolderError>), Failure> {
        match Folder::inspect(path) {
            Err(error) if error.is_for_ledger() && self.asks() => match self.source.connect().await {
                Ok(client) => known(Err(error), ledger, &client).await,
                // The folder comes first.
                Err(_) => Err(Failure::Input(error.to_ask(STATUS).into())),
            },
            Err(error) => Err(Failure::Input(error.to_ask(STATUS).into())),
            Ok(read) => Ok(read),
        }
    }

    /// What is known of the migrations without a database; none: it has to be asked.
    fn assumed(&self, folder: &Folder, described_after: Option<&str>) -> Result<Option<Known>, Failure> {
        if self.assume_pending {
            return Ok(Some(Known::NoneApplied));
        }
        let ask = !self.offline && self.source.names_database();
        match self.after.as_deref().or(described_after.filter(|_| !ask)) {
            Some(tag) if folder.migrations.iter().all(|migration| migration.tag != tag) => {
                let last = folder.migrations.last().map_or("none", |migration| migration.tag.as_str());
                let help = format!("Give the name as `infra migrate status` shows it; the last one here is {last}.");
                Err(Failure::Input(miette!(help = help, "There is no migration {tag} in {}.", folder.path.display())))
            }
            Some(tag) => Ok(Some(Known::AppliedUpTo(tag.to_owned()))),
            None if ask => Ok(None),
            None => Ok(Some(Known::Nothing)),
        }
    }

    fn fixes(&self, folder: &Folder, report: &Report, settings: &Settings) -> Result<Vec<Fix>, Failure> {
        if settings.known == Known::Nothing {
            return Err(Failure::Input(miette!(
                help = "Give the database (--url, --stack, or --local for that in the local cloud), which knows it; or say it: --after TAG, if all up to TAG are \
                        applied and none after it; --assume-pending, if none is applied, neither here nor anywhere else.",
                "--fix must not rewrite a migration that is applied, and which are is not known."
            )));
        }
        Ok(fixes(folder, report))
    }

    fn fix(&self, fixes: &[Fix]) -> Result<(), Failure> {
        for fix in fixes {
            if !self.dry_run {
                fix.write().map_err(|error| Failure::Other(error.into()))?;
            }
            print(&if self.source.json { show::fix_json(fix, self.dry_run) } else { show::fix(fix) });
        }
        if !self.source.json {
            print(&show::fixed(fixes, self.dry_run));
        }
        Ok(())
    }
}

fn no_thread(error: std::io::Error) -> Failure {
    Failure::Other(miette!("No thread can be started: {error}."))
}

fn rule(name: &str) -> Result<&'static Rule, String> {
    lint::find(name).map_err(|meant| match meant {
        Some(meant) => format!("there is no rule {name}; did you mean {meant}?"),
        None => format!("there is no rule {name}; --rules lists them"),
    })
}

fn denied(name: &str) -> Result<Denied, String> {
    if name == "warnings" { Ok(Denied::Warnings) } else { rule(name).map(Denied::Rule) }
}
