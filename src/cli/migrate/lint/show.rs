//! Findings on the screen and as JSON. Errors are shown one by one, the rest a rule at a time: a folder that drizzle-kit
//! has just generated shall not drown its reader.

use std::fmt;
use std::path::Path;

use console::style;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan};
use serde_json::json;
use similar::TextDiff;

use crate::{
    excerpt,
    migrate::{
        lint::{Finding, Fix, RULES, Report, Rule, Severity},
        mask::masked,
    },
    render::{output::wrapped, value::count},
};

/// How many places of a rule are shown with their lines.
const SHOWN: usize = 3;
/// How many more are named.
const NAMED: usize = 12;

/// Findings of one rule that are shown together.
#[derive(Debug)]
struct Group<'a> {
    findings: Vec<&'a Finding>,
    verbose: bool,
    /// Whether the one before it has said why, and what to do.
    again: bool,
}

/// Everything that was found, and what it comes to; after `--fix`, what is left of it.
pub(super) fn text(report: &Report, verbose: bool, fixing: bool) -> String {
    let width = usize::from(console::Term::stdout().size().1).clamp(60, 120);
    let theme = if console::colors_enabled() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_width(width).with_context_lines(1).with_break_words(false);
    let handler = handler.with_word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut text = String::new();
    for group in groups(report, verbose) {
        // Writing to a string does not fail; what could is a span outside of its file.
        if handler.render_report(&mut text, &group).is_err() {
            text.push_str(&format!("{group}\n"));
        }
        text.push('\n');
    }
    text.push_str(&summary(report, fixing));
    text
}

fn groups(report: &Report, verbose: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in findings {
        let together = !verbose && finding.severity != Severity::Error;
        let same = |group: &&mut Group<'_>| group.findings[0].rule == finding.rule && together;
        match groups.last_mut().filter(same) {
            Some(group) => group.findings.push(finding),
            None => {
                let before = groups.last().map(|group| group.findings[0]);
                let again = before.is_some_and(|it| it.rule == finding.rule && it.fix == finding.fix);
                groups.push(Group { findings: vec![finding], verbose, again });
            }
        }
    }
    groups
}

impl Group<'_> {
    fn first(&self) -> &Finding {
        self.findings[0]
    }

    /// Those of the first file whose lines are shown.
    fn shown(&self) -> impl Iterator<Item = &Finding> {
        let here = self.findings.iter().copied().filter(|finding| finding.path == self.first().path);
        here.take(if self.verbose { usize::MAX } else { SHOWN })
    }

    /// Where the others are.
    fn others(&self) -> Option<String> {
        let shown: Vec<&Finding> = self.shown().collect();
        let rest: Vec<&&Finding> =
            self.findings.iter().filter(|finding| !shown.iter().any(|it| std::ptr::eq(*it, **finding))).collect();
        let mut places: Vec<String> = Vec::new();
        let mut file = None;
        for finding in rest.iter().take(NAMED) {
            let position = finding.position.map_or(String::new(), |at| at.line.to_string());
            match places.last_mut().filter(|_| file == Some(&finding.path)) {
                Some(last) => last.push_str(&format!(", {position}")),
                None => places.push(format!("{}:{position}", name(&finding.path))),
            }
            file = Some(&finding.path);
        }
        let more = rest.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more (--verbose)") } else { String::new() };
        (!places.is_empty()).then(|| format!("{}{more}", places.join("; ")))
    }
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first();
        let path = first.path.display().to_string();
        let said = first.span.is_some() || first.message.contains(&path);
        let place = if said { String::new() } else { format!("{path}: ") };
        match self.findings.as_slice() {
            [one] => write!(formatter, "{place}{}", one.message),
            many => write!(formatter, "{} ({} times)", first.rule.finds.trim_end_matches('.'), many.len()),
        }
    }
}

impl std::error::Error for Group<'_> {}

impl miette::Diagnostic for Group<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.first().rule.name))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.first().severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        if self.again && self.findings.len() == 1 {
            return None;
        }
        let rule = self.first().rule;
        let mut fixes: Vec<&str> = Vec::new();
        for finding in &self.findings {
            if !fixes.contains(&finding.fix.as_str()) {
                fixes.push(&finding.fix);
            }
        }
        let mut lines = vec![rule.why.to_owned()];
        lines.extend(fixes.iter().map(|fix| format!("→ {fix}")));
        lines.extend(self.others().map(|places| format!("Also in {places}")));
        Some(Box::new(lines.join("\n")))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.first().source.as_ref().map(|source| &**source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.first().span.as_ref()?;
        let labels = self.shown().filter_map(|finding| {
            let text = finding.source.as_ref()?.inner();
            let span = first_line(text, finding.span.clone()?);
            Some(LabeledSpan::new_with_span(Some(finding.label.clone()), span))
        });
        Some(Box::new(labels))
    }
}

/// A migration's file as it is called in its folder.
fn name(path: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match (last(path), path.parent()) {
        (file, Some(folder)) if file == "migration.sql" => format!("{}/{file}", last(folder)),
        (file, _) => file,
    }
}

/// What a caret can point at: nothing beyond the first line.
fn first_line(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let line = text[span.clone()].lines().next().unwrap_or_default().trim_end();
    excerpt::pointed(text, span.start..span.start + line.len())
}

fn summary(report: &Report, fixing: bool) -> String {
    let number = |severity, word| match report.count(severity) {
        0 => None,
        number => Some(count(number, word)),
    };
    let found =
        [number(Severity::Error, "error"), number(Severity::Warning, "warning"), number(Severity::Note, "note")];
    let found: Vec<String> = found.into_iter().flatten().collect();
    let looked = match report.applied {
        None => {
            format!("{} (which are applied is not known: no database was asked)", count(report.linted, "migration"))
        }
        Some(_) if report.linted == report.migrations => count(report.linted, "migration"),
        Some(applied) => {
            format!("{} ({applied} of {} applied)", count(report.linted, "pending migration"), report.migrations)
        }
    };
    let mut lines = vec![match found.as_slice() {
        [] => format!("Nothing found in {looked}."),
        found => format!("{} in {looked}.", found.join(", ")),
    }];
    let fixable = report.findings.iter().filter(|finding| finding.is_fixable()).count();
    if fixable > 0 && !fixing {
        lines.push(format!("--fix puts {fixable} of them right: it writes guards, and shows what it changed."));
    }
    if !found.is_empty() {
        lines.push(
            "Switch a rule off: `-- infra: allow RULE` above the statement, --allow RULE, or migrations.lint.allow in stack.yaml. \
             --rules explains each."
                .to_owned(),
        );
    }
    lines.iter().map(|line| wrapped(line, "")).collect::<Vec<_>>().join("\n")
}

/// One object a finding.
pub(super) fn findings_json(report: &Report) -> impl Iterator<Item = String> {
    report.findings.iter().map(|finding| json!(finding.json()).to_string())
}

/// What it comes to.
pub(super) fn summary_json(report: &Report) -> serde_json::Value {
    json!({
        "result": "lint",
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "notes": report.count(Severity::Note),
        "linted": report.linted,
        "migrations": report.migrations,
        "applied": report.applied,
    })
}

/// What `--fix` changed in a file, as a diff.
pub(super) fn fix(fix: &Fix) -> String {
    let path = fix.path.display().to_string();
    let (before, after) = (masked(&fix.before), masked(&fix.after));
    let diff = TextDiff::from_lines(&*before, &*after);
    let text = diff.unified_diff().context_radius(0).missing_newline_hint(false).header(&path, &path).to_string();
    let coloured = text.lines().map(|line| match line.as_bytes().first() {
        Some(b'+') => style(line).green().to_string(),
        Some(b'-') => style(line).red().to_string(),
        Some(b'@') => style(line).dim().to_string(),
        _ => line.to_owned(),
    });
    coloured.collect::<Vec<_>>().join("\n") + "\n"
}

pub(super) fn fix_json(fix: &Fix, dry_run: bool) -> String {
    let result = if dry_run { "would-fix" } else { "fixed" };
    json!({"result": result, "file": fix.path, "tag": fix.tag, "findings": fix.findings, "after": masked(&fix.after)})
        .to_string()
}

/// What `--fix` came to.
pub(super) fn fixed(fixes: &[Fix], dry_run: bool) -> String {
    let findings: usize = fixes.iter().map(|fix| fix.findings).sum();
    let files = count(fixes.len(), "file");
    match (fixes, dry_run) {
        ([], _) => "Nothing to rewrite.\n".to_owned(),
        (_, true) => format!("{} in {files} would be put right.\n", count(findings, "finding")),
        (_, false) => format!(
            "{} in {files} put right. The files' hashes are new: a database that has one of them applied would say that it was \
             edited.\n",
            count(findings, "finding")
        ),
    }
}

/// Every rule.
pub(super) fn rules() -> String {
    let word = |rule: &Rule| match rule.severity {
        Severity::Error => style("error").red(),
        Severity::Warning => style("warning").yellow(),
        Severity::Note => style("note").dim(),
    };
    let texts = RULES.iter().map(|rule| {
        let (name, word) = (style(rule.name).bold(), word(rule));
        let paragraph = |text: &str| wrapped(&format!("  {text}"), "       ");
        let (finds, why) = (wrapped(&format!("  {}", rule.finds), "  "), paragraph(&format!("why: {}", rule.why)));
        format!("{name} ({word})\n{finds}\n{why}\n{}\n", paragraph(&format!("fix: {}", rule.fix)))
    });
    texts.collect::<Vec<_>>().join("\n")
}

pub(super) fn rules_json() -> String {
    let rules = RULES.iter().map(|rule| {
        json!({"rule": rule.name, "severity": rule.severity, "finds": rule.finds, "why": rule.why, "fix": rule.fix})
            .to_string()
    });
    rules.collect::<Vec<_>>().join("\n")
}
