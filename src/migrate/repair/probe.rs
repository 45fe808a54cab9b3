//! What the rows in the database have to be for a statement to succeed; asked with queries that only read.

use super::step::Step;
use crate::migrate::catalog::{Catalog, Class, Object};
use crate::migrate::connect::Client;
use crate::migrate::quote::identifier;
use crate::migrate::sql::{Token, tokens};

/// A query whose one value is true if something stands against a step, and what that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    query: String,
    against: &'static str,
}

/// How long a look at the rows may take.
const PATIENCE: &str = "60s";

/// What is not there cannot hold rows: a table, column, function or type that the repair makes as well.
const ABSENT: [&str; 4] = ["42P01", "42703", "42883", "42704"];

impl Step {
    /// What the data says against it.
    pub(super) async fn obstacle(&self, client: &Client) -> Option<String> {
        let probe = self.probe.as_ref()?;
        // A condition calls functions of the database's own, which may do anything.
        let looking = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = '{PATIENCE}'; {}; ROLLBACK", probe.query);
        let answer = client.rows(&looking).await;
        if answer.is_err() {
            // If the connection is gone, the server has ended the transaction itself.
            _ = client.rows("ROLLBACK").await;
        }
        match answer {
            Ok(rows) => {
                let found = rows.first().and_then(|row| row.get(0)) == Some("t");
                found.then(|| probe.against.to_owned())
            }
            Err(error) => {
                let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
                let said = error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned());
                match code.as_str() {
                    absent if ABSENT.contains(&absent) => None,
                    "57014" => Some(format!("whether the data allows it was not seen within {PATIENCE}")),
                    _ => Some(format!("whether the data allows it cannot be seen: {said}")),
                }
            }
        }
    }
}

/// A column that may not be NULL, and has no value for the rows that are there.
pub(super) fn rows(table: &str) -> Probe {
    Probe {
        query: format!("SELECT EXISTS (SELECT FROM {table})"),
        against: "the table has rows, which would need a value for it that nobody knows here",
    }
}

/// A column that is to be NOT NULL.
pub(super) fn nulls(table: &str, column: &str) -> Probe {
    Probe {
        query: format!("SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NULL)"),
        against: "there are rows without a value",
    }
}

/// Where a sequence has to stand to be given these parameters.
pub(super) fn bounds(sequence: &str, parameters: &str) -> Option<Probe> {
    let number = |word: &str| parameters.split(word).nth(1)?.split_whitespace().next()?.parse::<i64>().ok();
    let (least, most) = (number("MINVALUE ")?, number("MAXVALUE ")?);
    Some(Probe {
        query: format!("SELECT last_value NOT BETWEEN {least} AND {most} FROM {sequence}"),
        against: "it stands outside of the bounds that it should have",
    })
}

/// What has to hold for a constraint to be added.
pub(super) fn constraint(object: &Object, live: &Catalog) -> Option<Probe> {
    let foreign = object.facts("foreign table");
    let parents_exist = match foreign[..] {
        [schema, name] => live.has(Class::Table, &(schema.to_owned(), name.to_owned())),
        _ => true,
    };
    valid(object, parents_exist)
}

/// What has to hold for a constraint to be valid. A table that is only just made has no rows to point at.
pub(super) fn valid(object: &Object, parents_exist: bool) -> Option<Probe> {
    if object.text("definition").ends_with("NOT VALID") {
        return None;
    }
    let table = object.id.table_sql();
    let columns: Vec<String> = object.facts("columns").into_iter().map(identifier).collect();
    let all = |condition: &str| columns.iter().map(|column| format!("{column} {condition}")).collect::<Vec<_>>();
    match object.fact("kind") {
        "c" => Some(Probe {
            query: format!("SELECT EXISTS (SELECT FROM {table} WHERE NOT ({}))", object.fact("expression")),
            against: "there are rows that it forbids",
        }),
        "u" => Some(duplicates(&table, &columns, "", object)),
        "p" => {
            let duplicates = duplicates(&table, &columns, "", object);
            let nulls = all("IS NULL").join(" OR ");
            Some(Probe {
                query: format!("{} OR EXISTS (SELECT FROM {table} WHERE {nulls})", duplicates.query),
                against: "there are rows with the same key, or without one",
            })
        }
        "f" => {
            let foreign = object.facts("foreign table");
            let [schema, name] = foreign[..] else { return None };
            let parents = format!("{}.{}", identifier(schema), identifier(name));
            let pairs = object.facts("foreign columns").into_iter().zip(object.facts("columns"));
            let same: Vec<String> =
                pairs.map(|(theirs, ours)| format!("p.{} = c.{}", identifier(theirs), identifier(ours))).collect();
            let set = all("IS NOT NULL").into_iter().map(|it| format!("c.{it}")).collect::<Vec<_>>().join(" AND ");
            let orphan = if parents_exist {
                format!("{set} AND NOT EXISTS (SELECT FROM {parents} p WHERE {})", same.join(" AND "))
            } else {
                set
            };
            Some(Probe {
                query: format!("SELECT EXISTS (SELECT FROM {table} c WHERE {orphan})"),
                against: "there are rows that point at nothing",
            })
        }
        _ => None,
    }
}

/// What has to hold for an index to be made: that it is unique.
pub(super) fn index(object: &Object) -> Option<Probe> {
    let unique = object.facts.get("unique").and_then(serde_json::Value::as_bool).unwrap_or_default();
    let keys: Vec<String> = object.facts("keys").into_iter().map(|key| format!("({key})")).collect();
    unique.then(|| duplicates(&object.id.table_sql(), &keys, object.fact("predicate"), object))
}

fn duplicates(table: &str, keys: &[String], predicate: &str, object: &Object) -> Probe {
    let definition = object.text("definition");
    let words = tokens(definition);
    let is = |at: usize, word| words.get(at).is_some_and(|token: &Token| token.is(definition, word));
    let nulls_are_equal = (0..words.len()).any(|at| is(at, "nulls") && is(at + 1, "not") && is(at + 2, "distinct"));
    let mut conditions = vec!["true".to_owned()];
    conditions.extend(keys.iter().filter(|_| !nulls_are_equal).map(|key| format!("{key} IS NOT NULL")));
    if !predicate.is_empty() {
        conditions.push(format!("({predicate})"));
    }
    let (keys, conditions) = (keys.join(", "), conditions.join(" AND "));
    Probe {
        query: format!("SELECT EXISTS (SELECT FROM {table} WHERE {conditions} GROUP BY {keys} HAVING count(*) > 1)"),
        against: "there are rows with the same key",
    }
}
