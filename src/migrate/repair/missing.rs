//! What makes a missing object. Pure.

use super::probe;
use super::step::{Mended, Obstacle, Phase, Step, unless, unless_exists, unless_made};
use crate::migrate::catalog::{Catalog, Class, Object, column, sequence, table, trigger, view};
use crate::migrate::quote::{block, identifier, literal};
use crate::migrate::verify::compare::Difference;

/// The steps that make a missing object and what belongs to it.
pub(super) fn mend(difference: &Difference, live: &Catalog) -> Mended {
    let Some(object) = &difference.wanted else { return Vec::new() };
    let (columns, others): (Vec<&Object>, Vec<&Object>) =
        difference.parts.iter().partition(|part| part.id.class == Class::Column);
    let mut mended = one(object, &columns, live);
    let whole = mended.iter().all(Result::is_ok);
    for part in columns.into_iter().chain(others) {
        if part.id.class != Class::Column {
            mended.extend(one(part, &[], live).into_iter().filter(|_| whole));
        }
        mended.extend(comment(part).filter(|_| whole));
    }
    mended.extend(comment(object).filter(|_| whole));
    mended
}

fn comment(object: &Object) -> Option<Result<Step, Box<Obstacle>>> {
    object.comment().map(|statement| Ok(Step::change(Phase::Comment, object, statement)))
}

fn one(object: &Object, columns: &[&Object], live: &Catalog) -> Mended {
    if let Some(other) = live.in_the_way(object) {
        let reason = format!("the name is taken by the {}", other.id);
        return vec![Err(Step::new(Phase::Table, object, object.definition()).into_obstacle(reason).into())];
    }
    let (id, on) = (&object.id, object.id.table_sql());
    let step = |phase, statement| Step::new(phase, object, statement);
    let guarded = |word: &str| object.definition_alone().replacen(word, &format!("{word} IF NOT EXISTS"), 1);
    let step = match id.class {
        Class::Schema => step(Phase::Schema, guarded("CREATE SCHEMA")),
        Class::Extension => step(Phase::Extension, guarded("CREATE EXTENSION")),
        Class::Collation => step(Phase::Type, guarded("CREATE COLLATION")),
        Class::ForeignDataWrapper => step(Phase::Extension, unless_made(&object.definition_alone())),
        Class::Server | Class::UserMapping => {
            let reason = "its options may hold a password, and are not all read: take the statement from its migration";
            return vec![Err(step(Phase::Extension, object.definition_alone())
                .into_obstacle(reason.to_owned())
                .into())];
        }
        Class::Aggregate => step(
            Phase::LateFunction,
            object.definition_alone().replacen("CREATE AGGREGATE", "CREATE OR REPLACE AGGREGATE", 1),
        ),
        Class::Operator | Class::Cast => step(Phase::LateFunction, unless_made(&object.definition_alone())),
        Class::TextSearchDictionary | Class::TextSearchConfiguration => {
            step(Phase::Type, unless_made(&object.definition_alone()))
        }
        Class::Publication | Class::EventTrigger => step(Phase::RowSecurity, unless_made(&object.definition_alone())),
        Class::Enum | Class::Type => step(Phase::Type, unless_exists(&object.definition_alone())),
        Class::Sequence => return of_sequence(object),
        Class::Function => {
            // The body of such a function is looked at when it is made, as its result type is.
            let late = object.facts.get("rows of a table") == Some(&true.into())
                || object.text("definition").contains("BEGIN ATOMIC");
            step(if late { Phase::LateFunction } else { Phase::Function }, object.definition_alone())
        }
        Class::Table => return of_table(object, columns),
        Class::Column => {
            let statement = format!("ALTER TABLE {on} ADD COLUMN IF NOT EXISTS {}", object.definition_alone());
            let needs_value = object.flag("not null") && column::value(object).is_empty();
            step(Phase::Column, statement).only_if(needs_value.then(|| probe::rows(&on)))
        }
        Class::Constraint => {
            let foreign = object.fact("kind") == "f";
            let statement = format!("ALTER TABLE {on} ADD {}", object.definition_alone());
            let there = existing("pg_constraint", "conrelid", "conname", object);
            let phase = if foreign { Phase::ForeignKey } else { Phase::Constraint };
            let step = step(phase, unless(&there, &statement)).plainly(statement);
            step.only_if(probe::constraint(object, live))
        }
        Class::Index => {
            let of_view = live.has(Class::Table, &(id.schema.clone(), id.table.clone()));
            let phase = if of_view { Phase::Index } else { Phase::ViewIndex };
            // A partitioned table's index is written down without those of the partitions, but made with them.
            step(phase, guarded("INDEX").replacen(" ON ONLY ", " ON ", 1)).only_if(probe::index(object))
        }
        Class::Statistics => step(Phase::Index, guarded("CREATE STATISTICS")),
        Class::View => step(Phase::View, view::create(object, "OR REPLACE VIEW")),
        Class::MaterializedView => step(Phase::View, view::create(object, "MATERIALIZED VIEW IF NOT EXISTS")),
        Class::Rule => {
            step(Phase::Trigger, object.text("definition").replacen("CREATE RULE", "CREATE OR REPLACE RULE", 1))
        }
        Class::Trigger => {
            let there = existing("pg_trigger", "tgrelid", "tgname", object);
            step(Phase::Trigger, unless(&there, object.text("definition")))
                .plainly(object.text("definition").to_owned())
        }
        Class::Policy => {
            let there = existing("pg_policy", "polrelid", "polname", object);
            let statement = object.definition_alone();
            step(Phase::Policy, unless(&there, &statement)).plainly(statement)
        }
    };
    let mut mended = vec![Ok(step)];
    if id.class == Class::Trigger {
        mended.extend(trigger::firing(object, "TRIGGER").map(|it| Ok(Step::change(Phase::RowSecurity, object, it))));
    }
    mended
}

/// The sequence, which goes on where the column's values end, then its owner. Where it is there already it stays as it is: what
/// others take from it meanwhile would be given out again.
fn of_sequence(object: &Object) -> Mended {
    let (name, kind, parameters) = (object.id.sql(), object.text("type"), object.text("parameters"));
    let create = format!("CREATE SEQUENCE {name} AS {kind} {parameters}");
    let (Some(owner), [schema, table, column]) = (sequence::owner(object), &object.facts("owned by")[..]) else {
        let create = create.replacen("SEQUENCE", "SEQUENCE IF NOT EXISTS", 1);
        return vec![Ok(Step::new(Phase::Sequence, object, create))];
    };
    let on = format!("{}.{}", identifier(schema), identifier(table));
    let moved = catch_up(&name, parameters, &on, &identifier(column)).replacen("SELECT", "PERFORM", 1);
    let made = block(&format!(
        "BEGIN\n  IF pg_catalog.to_regclass({}) IS NULL THEN\n    {create};\n    IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE \
         attrelid = pg_catalog.to_regclass({}) AND attname = {} AND NOT attisdropped) THEN\n      {moved};\n    END IF;\n  END \
         IF;\nEND",
        literal(&name),
        literal(&on),
        literal(column)
    ));
    vec![
        Ok(Step::new(Phase::Sequence, object, made).plainly(create)),
        Ok(Step::change(Phase::Owner, object, format!("ALTER SEQUENCE {name} OWNED BY {owner}"))),
    ]
}

/// Moves a sequence of these parameters past the values that are there, upwards or downwards; never back.
pub(super) fn catch_up(sequence: &str, parameters: &str, table: &str, column: &str) -> String {
    let (furthest, last) = if parameters.contains("INCREMENT BY -") { ("LEAST", "min") } else { ("GREATEST", "max") };
    format!(
        "SELECT pg_catalog.setval({}, {furthest}({last}({column}), (SELECT last_value FROM {sequence}))) FROM {table} HAVING \
         {last}({column}) IS NOT NULL",
        literal(sequence)
    )
}

fn of_table(object: &Object, columns: &[&Object]) -> Mended {
    let columns: Vec<String> = columns.iter().map(|column| column.definition_alone()).collect();
    let create = table::create(object, "IF NOT EXISTS ", &columns);
    let mut mended = vec![Ok(Step::new(Phase::Table, object, create))];
    let own = table::own_columns(object).into_iter();
    mended.extend(own.map(|statement| Ok(Step::change(Phase::Change, object, statement))));
    let switches = table::row_security(object).into_iter().chain(table::replica_identity(object));
    mended.extend(switches.map(|statement| Ok(Step::change(Phase::RowSecurity, object, statement))));
    mended
}

/// A query that finds what belongs to a table by its name.
fn existing(catalog: &str, relation: &str, column: &str, object: &Object) -> String {
    let (table, name) = (literal(&object.id.table_sql()), literal(&object.id.name));
    format!("SELECT FROM pg_catalog.{catalog} WHERE {relation} = {table}::regclass AND {column} = {name}")
}
