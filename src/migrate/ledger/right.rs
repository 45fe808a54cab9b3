//! What a role may lack to use a ledger, and the statements that give it.

use super::Ledger;
use crate::migrate::quote::identifier;
use crate::migrate::target::Target;

/// What a role may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To make the schema, and the table in it.
    MakeSchema,
    /// To make the table in a schema that is there.
    MakeTable,
    /// To give the table of Drizzle 0.x the columns of 1.0: only its owner can.
    Upgrade,
    /// To read it and to write to it.
    Use,
}

/// Who lacks a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The role.
    pub role: String,
    /// Which right.
    pub right: Right,
    /// The statements that give it, to be run by somebody who has it.
    pub grants: Vec<String>,
}

impl Lack {
    /// Of the role of a connection.
    pub(super) fn of(target: &Target, right: Right, ledger: &Ledger) -> Box<Self> {
        Box::new(Lack { role: target.user.clone(), right, grants: right.grants(ledger, target) })
    }
}

impl Right {
    /// What cannot be done without it.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Right::MakeSchema | Right::MakeTable => "make",
            Right::Upgrade => "upgrade",
            Right::Use => "use",
        }
    }

    fn grants(self, ledger: &Ledger, target: &Target) -> Vec<String> {
        let (schema, table, role) = (identifier(&ledger.schema), ledger.quoted(), identifier(&target.user));
        match self {
            Right::MakeSchema => vec![format!("GRANT CREATE ON DATABASE {} TO {role};", identifier(&target.dbname))],
            Right::MakeTable => vec![format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};")],
            Right::Upgrade => vec![format!("ALTER TABLE {table} OWNER TO {role};")],
            Right::Use => vec![
                format!("GRANT USAGE ON SCHEMA {schema} TO {role};"),
                format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role};"),
                // The sequence of the ids, whatever it is called.
                format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};"),
            ],
        }
    }

    /// What else there is to be done.
    pub(super) fn otherwise(self) -> &'static str {
        match self {
            Right::MakeSchema | Right::MakeTable => {
                "\nOr let somebody who may do so run the first migration; once schema and table exist, no such right is needed."
            }
            Right::Upgrade => {
                "\nOr let the table's owner run `infra migrate apply` once; then no such right is needed."
            }
            Right::Use => "",
        }
    }
}
