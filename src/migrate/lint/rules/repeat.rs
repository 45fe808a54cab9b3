//! Running twice: statements that fail or do it again, and objects that two migrations make.

use std::collections::HashMap;

use super::super::act::{Act, Name, Object, Repeat, What};
use super::super::edit::Edit;
use super::super::ground::{Ground, Script};
use super::super::hit::{Hit, Place};
use super::super::statement::Statement;
use super::{Rule, Severity, excerpt};
use crate::migrate::quote::dollar_quote;
use crate::migrate::quote::literal;
use crate::migrate::sql;

pub(in crate::migrate::lint) const NOT_IDEMPOTENT: Rule = Rule {
    name: "not-idempotent",
    severity: Severity::Warning,
    finds: "A statement that fails when it runs a second time.",
    why: "Where an object is there already (made by hand, by drizzle-kit push, by a run whose ledger row was lost), the \
          migration fails, and with it everything after it.",
    fix: "`infra migrate lint --fix` writes the guards: IF NOT EXISTS, IF EXISTS, OR REPLACE, or a DO block.",
    check: not_idempotent,
};

fn not_idempotent(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = Vec::new();
    for (script, statement) in ground.statements() {
        let acts = statement.acts.iter().filter(|act| !matches!(act.what, What::Insert { .. }));
        for act in acts.filter(|act| act.repeat != Repeat::Same) {
            let place = Place::within(script, act.span.clone());
            let what = excerpt(&script.migration.sql, &act.span);
            let hit = match &act.repeat {
                Repeat::Same => continue,
                Repeat::Insert(..) if is_unheard_of(ground, &act.what) => Hit::new(
                    place,
                    format!("{what} names a column that no migration makes."),
                    "this name?",
                )
                .fix(
                    "Look at the name: with IF EXISTS a misspelt one is passed over in silence, and the column stays.",
                ),
                Repeat::Insert(at, text) => Hit::new(place, format!("{what} has no{text}."), format!("no{text}"))
                    .edits(vec![Edit::insert(*at, *text)]),
                Repeat::Catch => Hit::new(place, format!("{what} fails the second time."), "no guard").edits(wrap(
                    script,
                    statement,
                    &Wrapping::Catch,
                )),
                Repeat::UnlessConstraint { table, constraint } => Hit::new(
                    place,
                    format!("{what} fails the second time."),
                    "no guard",
                )
                .edits(wrap(script, statement, &Wrapping::UnlessConstraint { table, constraint })),
                Repeat::ByHand(advice) => {
                    Hit::new(place, format!("{what} cannot run twice."), "no guard, by hand").fix(*advice)
                }
            };
            found.push(hit);
        }
    }
    found
}

/// Whether it takes away a column that its table, which is made here, never had as far as the migrations say.
fn is_unheard_of(ground: &Ground<'_>, what: &What) -> bool {
    let What::DropColumn { table, column } = what else { return false };
    let statements = || ground.scripts.iter().flat_map(|script| script.statements.iter().map(move |it| (script, it)));
    // Columns that come from elsewhere are not known.
    let elsewhere = |script: &Script<'_>, act: &Act| {
        let text = script.migration.sql[act.whole.clone()].to_ascii_lowercase();
        ["like", "inherits", "partition", "select"].iter().any(|word| text.contains(word))
    };
    let mut is_made = false;
    for (script, statement) in statements() {
        if statement.opaque {
            return false;
        }
        for act in &statement.acts {
            match &act.what {
                What::CreateTable { name, columns } if name.key() == table.key() => {
                    if elsewhere(script, act) || columns.iter().any(|it| it.name.key() == column.key()) {
                        return false;
                    }
                    is_made = true;
                }
                What::AddColumn { table: of, column: added, .. }
                    if of.key() == table.key() && added.key() == column.key() =>
                {
                    return false;
                }
                What::Rename { name, .. } if name.key() == table.key() => return false,
                _ => {}
            }
        }
    }
    is_made
}

enum Wrapping<'a> {
    Catch,
    UnlessConstraint { table: &'a str, constraint: &'a str },
}

/// A DO block around the statement, whose own bytes stay as they are.
fn wrap(script: &Script<'_>, statement: &Statement, wrapping: &Wrapping<'_>) -> Vec<Edit> {
    let sql = &script.migration.sql;
    let newline = if sql.contains("\r\n") { "\r\n" } else { "\n" };
    let quote = dollar_quote(&sql[statement.span.clone()]);
    let (before, after) = match wrapping {
        Wrapping::Catch => {
            (format!("DO {quote} BEGIN\n  "), format!(";\nEXCEPTION\n  WHEN duplicate_object THEN NULL;\nEND {quote}"))
        }
        Wrapping::UnlessConstraint { table, constraint } => (
            format!(
                "DO {quote} BEGIN\n  IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = {}::name AND conrelid = \
                 {}::regclass) THEN\n    ",
                literal(&Name::parse(constraint).name),
                literal(table),
            ),
            format!(";\n  END IF;\nEND {quote}"),
        ),
    };
    let edit = |at, text: String| Edit::insert(at, text.replace('\n', newline));
    vec![edit(statement.span.start, before), edit(statement.span.end, after)]
}

pub(super) const REPEATED_INSERT: Rule = Rule {
    name: "repeated-insert",
    severity: Severity::Warning,
    finds: "An INSERT without ON CONFLICT or WHERE NOT EXISTS.",
    why: "A second run inserts the rows again, or fails where they are unique.",
    fix: "Write ON CONFLICT DO NOTHING where there is a unique key, else INSERT … SELECT … WHERE NOT EXISTS (…).",
    check: |ground| {
        let mut found = Vec::new();
        for (script, statement) in ground.statements() {
            for act in &statement.acts {
                if let (What::Insert { table }, Repeat::ByHand(_)) = (&act.what, &act.repeat) {
                    let place = Place::within(script, act.span.start..act.span.start + "INSERT".len());
                    found.push(Hit::new(
                        place,
                        format!("The rows for {table} are inserted again by a second run."),
                        "no ON CONFLICT",
                    ));
                }
            }
        }
        found
    },
};

pub(in crate::migrate::lint) const CREATED_TWICE: Rule = Rule {
    name: "created-twice",
    severity: Severity::Error,
    finds: "A table, column, type, index … that two migrations make.",
    why: "The second one fails (42P07, 42710, 42701); or, where it is guarded, silently does nothing although it says something \
          else.",
    fix: "Keep one of them. Where drizzle-kit generated both, its snapshots are out of step: drop the later migration and \
          generate it again.",
    check: created_twice,
};

/// Where something was made, and how.
struct Made {
    script: usize,
    tag: String,
    definition: String,
    /// The table it belongs to, if it does.
    table: Option<String>,
}

fn created_twice(ground: &Ground<'_>) -> Vec<Hit> {
    let mut made: HashMap<String, Made> = HashMap::new();
    let mut found = Vec::new();
    for script in &ground.scripts {
        // Where a name without a schema leads to is not known then.
        let wanders = script.migration.sql.to_ascii_lowercase().contains("search_path");
        for statement in &script.statements {
            if statement.opaque && may_remove(&script.migration.sql[statement.span.clone()]) {
                made.clear();
            }
            for act in &statement.acts {
                forget(&mut made, &act.what);
                let Some((key, table, name)) = creation(&act.what) else { continue };
                if wanders && name.schema.is_none() {
                    continue;
                }
                let definition = definition(&script.migration.sql[act.whole.clone()]);
                if let Some(earlier) = made.get(&key).filter(|_| script.linted) {
                    found.extend(twice(script, act, name, earlier, &definition));
                }
                let new = Made { script: script.index, tag: script.migration.tag.clone(), definition, table };
                made.entry(key).or_insert(new);
            }
        }
    }
    found
}

fn twice(script: &Script<'_>, act: &Act, name: &Name, earlier: &Made, definition: &str) -> Option<Hit> {
    let tag = if earlier.script == script.index { "above".to_owned() } else { format!("by {}", earlier.tag) };
    let guarded = act.repeat == Repeat::Same;
    let replaces = matches!(act.what, What::Create { object: Object::View | Object::Trigger | Object::Schema, .. });
    if guarded && (replaces || definition == earlier.definition) {
        return None;
    }
    let message = if guarded {
        format!("{name} is made {tag} already, in another way: this does nothing, and says nothing.")
    } else {
        format!("{name} is made {tag} already: this fails.")
    };
    Some(Hit::new(Place::within(script, act.span.clone()), message, "the second time"))
}

/// A DO block or a function may take away anything.
fn may_remove(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["drop", "rename", "execute", "call"].iter().any(|word| text.contains(word))
}

/// What an act makes: a key for it, the table it belongs to, its name.
fn creation(what: &What) -> Option<(String, Option<String>, &Name)> {
    match what {
        What::CreateTable { name, .. } => Some((format!("relation {}", name.key()), None, name)),
        What::CreateIndex { name: Some(name), table, .. } => {
            // An index is in its table's schema.
            let schema = name.schema.as_ref().or(table.schema.as_ref());
            let key = schema.map_or(name.name.clone(), |schema| format!("{schema}.{}", name.name));
            Some((format!("relation {key}"), Some(table.key()), name))
        }
        What::Create { object: Object::View | Object::Sequence, name: Some(name), .. } => {
            Some((format!("relation {}", name.key()), None, name))
        }
        What::Create { object: object @ (Object::Type | Object::Schema), name: Some(name), .. } => {
            Some((format!("{object} {}", name.key()), None, name))
        }
        What::Create { object: object @ (Object::Policy | Object::Trigger), name: Some(name), on: Some(on) } => {
            Some((format!("{object} {} on {}", name.key(), on.key()), Some(on.key()), name))
        }
        What::AddColumn { table, column, .. } => {
            Some((format!("column {} of {}", column.key(), table.key()), Some(table.key()), column))
        }
        What::AddConstraint { table, name: Some(name), .. } => {
            Some((format!("constraint {} of {}", name.key(), table.key()), Some(table.key()), name))
        }
        _ => None,
    }
}

/// Takes out what the act takes away, and what may go with it.
fn forget(made: &mut HashMap<String, Made>, what: &What) {
    let of_table = |made: &mut HashMap<String, Made>, table: &str| {
        made.remove(&format!("relation {table}"));
        made.retain(|_, it| it.table.as_deref() != Some(table));
    };
    match what {
        What::Drop { object: Object::Schema | Object::Other(_), cascade: true, .. } => made.clear(),
        What::Drop { names, .. } => {
            for name in names {
                of_table(made, &name.key());
                let suffix = format!(" {}", name.key());
                let within = format!(" {} on ", name.key());
                made.retain(|key, _| !key.ends_with(&suffix) && !key.contains(&within));
            }
        }
        What::DropColumn { table, .. } => made.retain(|_, it| it.table.as_deref() != Some(&table.key())),
        What::DropConstraint { table, name } => {
            made.remove(&format!("constraint {} of {}", name.key(), table.key()));
        }
        What::Rename { object: Object::Table, name, part: Some(column) } => {
            made.remove(&format!("column {} of {}", column.key(), name.key()));
        }
        What::Rename { name, .. } => {
            of_table(made, &name.key());
            made.remove(&format!("type {}", name.key()));
        }
        _ => {}
    }
}

/// The words of a statement, however it is laid out, without its guard.
fn definition(text: &str) -> String {
    let words: Vec<String> = sql::tokens(text)
        .iter()
        .map(|token| match token.kind {
            sql::Kind::Word => token.text(text).to_ascii_lowercase(),
            _ => token.text(text).to_owned(),
        })
        .collect();
    words.join(" ").replace(" if not exists", "").replace(" or replace", "").replace("\"public\" . ", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_compared_word_by_word() {
        let a = definition("CREATE TABLE IF NOT EXISTS \"public\".\"c\" (\n\t\"id\" serial\n)");
        assert_eq!(a, definition("create table \"c\" (\"id\" SERIAL) -- why"));
        assert_ne!(a, definition("create table \"c\" (\"id\" int)"));
    }
}
