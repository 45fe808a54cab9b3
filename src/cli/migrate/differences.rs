//! What verify found, on the screen and as JSON.

use std::fmt::Write as _;

use console::style;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::show::duration_text;
use super::source::Source;
use crate::{
    migrate::verify::{
        Report, Way,
        compare::{Change, Difference},
    },
    render::{output::wrapped, value::count},
};

/// How many unchanged lines stand around a changed one.
const CONTEXT: usize = 2;

/// The report as text, without what to do about it.
pub(super) fn text(report: &Report, source: &Source) -> String {
    let mut text = format!("{}\n{}\n", source.heading(), way(report));
    notes(report).for_each(|note| {
        let _ = writeln!(text, "{note}");
    });
    if !report.differences.is_empty() {
        let (wanted, live) = (style("- the migrations make").red(), style("+ the database has").green());
        let _ = writeln!(text, "\n  {wanted}\n  {live}");
    }
    for difference in &report.differences {
        text.push('\n');
        describe(&mut text, difference);
    }
    if !report.absent.is_empty() {
        text.push('\n');
    }
    for named in &report.absent {
        let made = style(format!("{} line {}", named.tag, named.line)).dim();
        let _ = writeln!(text, "  {} {named}  missing  {made}", style("-").red());
    }
    let _ = writeln!(text, "\n{}", summary(report));
    text
}

/// What a reader has to know besides, a line each.
pub(super) fn notes(report: &Report) -> impl Iterator<Item = String> {
    report.notes.iter().map(|note| wrapped(&format!("{} {note}", style("note:").yellow()), "      "))
}

/// How what is claimed to be the same is to be taken: nothing, where everything was compared.
pub(super) fn as_far(report: &Report) -> &'static str {
    if report.uncompared.is_empty() { "" } else { ", as far as it was compared" }
}

pub(super) fn way(report: &Report) -> String {
    let migrations = count(report.migrations, "migration");
    let schemas: Vec<&str> = report.schemas.iter().map(String::as_str).collect();
    let schemas = match &schemas[..] {
        [] => String::new(),
        [only] => format!(" in the schema {only}"),
        many => format!(" in the schemas {}", enumerated(many)),
    };
    let (objects, time) = (count(report.objects, "object"), duration_text(report.millis));
    let replayed = |server: &str| {
        format!("{migrations} replayed in a scratch database on {server} ({time}); {objects} compared{schemas}.")
    };
    let text = match &report.way {
        Way::SameServer => replayed("the same server"),
        Way::NamedServer => replayed("the server of --scratch-url"),
        Way::OwnServer { major, because } => format!(
            "{} {because}; so a PostgreSQL {major} was started on this machine for it, and removed.\n{}",
            style("note:").yellow(),
            replayed("that server")
        ),
        Way::Statements { because } if report.migrations == 0 => format!("Nothing to compare: {because}."),
        Way::Statements { because } => format!(
            "{} Not replayed: {because}.\n{objects} that the statements of {migrations} name were looked for instead. That finds what \
             is missing by its name, and nothing else.",
            style("note:").yellow()
        ),
    };
    text.lines().map(|line| wrapped(line, "")).collect::<Vec<_>>().join("\n")
}

fn describe(text: &mut String, difference: &Difference) {
    let (glyph, word) = match difference.change {
        Change::Missing => (style("-").red(), style("missing").red()),
        Change::Extra => (style("+").green(), style("extra").green()),
        Change::Different => (style("~").yellow(), style("different").yellow()),
    };
    let _ = writeln!(text, "  {glyph} {}  {word}", style(&difference.id).bold());
    let (wanted, live) = (difference.wanted_sql(), difference.live_sql());
    let lines = TextDiff::from_lines(&wanted, &live);
    let groups = lines.grouped_ops(CONTEXT);
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text, "      {}", style("…").dim());
        }
        for change in group.iter().flat_map(|operation| lines.iter_changes(operation)) {
            let line = change.value().trim_end_matches('\n');
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(text, "    {}", style(format!("- {line}")).red()),
                ChangeTag::Insert => writeln!(text, "    {}", style(format!("+ {line}")).green()),
                ChangeTag::Equal => writeln!(text, "      {line}"),
            };
        }
    }
}

fn summary(report: &Report) -> String {
    let number = |change| report.differences.iter().filter(|difference| difference.change == change).count();
    let (missing, different) = (number(Change::Missing) + report.absent.len(), number(Change::Different));
    let parts = [(missing, "missing"), (different, "different"), (number(Change::Extra), "extra")];
    let found: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    if found.is_empty() {
        return match &report.way {
            Way::Statements { .. } if report.migrations == 0 => String::new(),
            _ if report.is_empty() => format!("{} Nothing was compared, so nothing is proved.", style("!").yellow()),
            Way::Statements { .. } => {
                format!("{} None of these names is missing; what they stand for was not compared.", style("✓").green())
            }
            _ => format!("{} {} what its migrations make{}.", style("✓").green(), compared(report), as_far(report)),
        };
    }
    format!("{} {}.", style("✗").red(), found.join(", "))
}

/// What the migrations make: all of it, or as much as was asked for.
fn compared(report: &Report) -> String {
    let schemas: Vec<&str> = report.schemas.iter().map(String::as_str).collect();
    match &schemas[..] {
        [only] if report.chosen => format!("The schema {only} is"),
        many if report.chosen => format!("The schemas {} are", enumerated(many)),
        _ => "The database is".to_owned(),
    }
}

/// `a, b and c`.
fn enumerated(names: &[&str]) -> String {
    match names {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        few => few.concat(),
    }
}

/// What to do about what is there and no migration makes.
pub(super) const EXTRA: &str = "What no migration makes is left alone: drop it in a new one (`infra migrate new NAME`); or take it into the \
                                schema, run `drizzle-kit generate`, and record that as applied (`infra migrate baseline`).";

/// What to do about it; empty where everything is the same.
pub(super) fn hint(report: &Report, source: &Source) -> String {
    let any = |change| report.differences.iter().any(|difference| difference.change == change);
    let replay = match &report.way {
        Way::Statements { because } if !report.absent.is_empty() => {
            let how = because.remedy().unwrap_or("Run it again without --no-replay.");
            format!("For `infra migrate repair` to make it the migrations have to be replayed. {how}")
        }
        _ => String::new(),
    };
    let (missing, different, extra) = (any(Change::Missing), any(Change::Different), any(Change::Extra));
    let repair = source.command("repair");
    let advice = [
        (missing, format!("Make what is missing: {repair}")),
        // Some of it can be altered, the rest is listed.
        (different && !missing, format!("See what of it can be put right: {repair} --dry-run")),
        (!replay.is_empty(), replay),
        (extra, EXTRA.to_owned()),
    ];
    let lines = advice.into_iter().filter(|(applies, _)| *applies);
    lines.map(|(_, line)| wrapped(&format!("  {line}"), "  ")).collect::<Vec<_>>().join("\n")
}

/// The report as one JSON object.
pub(super) fn json(report: &Report) -> Value {
    let difference = |it: &Difference| {
        let mut object = json!({"change": it.change, "object": it.id.to_string()});
        if let (Some(object), Ok(Value::Object(id))) = (object.as_object_mut(), serde_json::to_value(&it.id)) {
            object.extend(id);
        }
        for (key, sql) in [("migrations", it.wanted_sql()), ("database", it.live_sql())] {
            if !sql.is_empty() {
                object[key] = json!(sql);
            }
        }
        object
    };
    let mut differences: Vec<Value> = report.differences.iter().map(difference).collect();
    differences.extend(report.absent.iter().map(|it| {
        json!({"change": Change::Missing, "object": it.to_string(), "class": it.class, "schema": it.schema,
               "table": it.table, "name": it.name, "made_by": it.tag, "line": it.line})
    }));
    let mut object = json!({
        "result": if report.is_empty() { "nothing" } else if report.is_same() { "same" } else { "different" },
        "migrations": report.migrations,
        "objects": report.objects,
        "schemas": report.schemas,
        "not_compared": report.uncompared,
        "notes": report.notes,
        "differences": differences,
    });
    if let (Some(object), Ok(Value::Object(way))) = (object.as_object_mut(), serde_json::to_value(&report.way)) {
        object.extend(way);
    }
    object
}
