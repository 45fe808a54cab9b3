//! One step of a repair, and what cannot be one.

use serde::Serialize;

use super::probe::Probe;
use crate::migrate::catalog::{Class, Id, Object};
use crate::migrate::quote::block;
use crate::migrate::quote::identifier;

/// When a step is done: things that others need come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Schema,
    Extension,
    Type,
    Sequence,
    Function,
    Table,
    Column,
    Change,
    Owner,
    Constraint,
    ForeignKey,
    Index,
    View,
    LateFunction,
    ViewIndex,
    Trigger,
    Policy,
    RowSecurity,
    Comment,
}

/// Statements that make one thing good. Each can be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is made good.
    pub id: Id,
    /// The statements, without semicolons at the end.
    pub statements: Vec<String>,
    pub(super) phase: Phase,
    pub(super) position: i64,
    pub(super) probe: Option<Probe>,
    /// The labels that it adds to an enum.
    pub(super) labels: Vec<String>,
    /// The statement without what guards it, for people.
    plain: Option<String>,
    /// Whether the object is missing, and not just different.
    missing: bool,
    /// Whether foreign keys can point at it: a key or a unique index.
    key: bool,
}

/// What is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// What stays as it is.
    #[serde(skip)]
    pub id: Id,
    /// Why, as the end of a sentence.
    pub reason: String,
    /// What would do it, once somebody has decided.
    pub statements: Vec<String>,
    /// Whether what builds on it would fail: it is missing, or a column of another type.
    #[serde(skip)]
    pub(super) missing: bool,
    /// Whether foreign keys can point at it.
    #[serde(skip)]
    key: bool,
}

/// What comes of a difference: things to do, and things that cannot be done.
pub(super) type Mended = Vec<Result<Step, Box<Obstacle>>>;

impl Step {
    pub(super) fn new(phase: Phase, object: &Object, statement: String) -> Self {
        Step {
            id: object.id.clone(),
            statements: vec![statement],
            phase,
            position: object.position,
            probe: None,
            labels: Vec::new(),
            plain: None,
            missing: true,
            key: ["p", "u"].contains(&object.fact("kind")) || object.facts.get("unique") == Some(&true.into()),
        }
    }

    /// A step that changes what is there.
    pub(super) fn change(phase: Phase, object: &Object, statement: String) -> Self {
        Step { missing: false, ..Step::new(phase, object, statement) }
    }

    pub(super) fn only_if(mut self, probe: Option<Probe>) -> Self {
        self.probe = probe;
        self
    }

    pub(super) fn plainly(mut self, statement: String) -> Self {
        self.plain = Some(statement);
        self
    }

    pub(super) fn into_obstacle(self, reason: String) -> Obstacle {
        let statements = self.plain.map_or(self.statements, |plain| vec![plain]);
        Obstacle { id: self.id, reason, statements, missing: self.missing, key: self.key }
    }

    /// Whether it would fail without what the obstacle is about.
    pub(super) fn needs(&self, obstacle: &Obstacle) -> bool {
        let id = &obstacle.id;
        let named = match id.class {
            // Its comment, and whether it fires.
            _ if self.id == *id => true,
            // PostgreSQL writes every other name with its schema.
            Class::Column => self.mentions(&[&id.schema, &id.table, &id.name]),
            // A foreign key points at columns, and means the key that they have.
            Class::Constraint | Class::Index => {
                obstacle.key && self.phase == Phase::ForeignKey && self.mentions(&[&id.schema, &id.table])
            }
            Class::Trigger | Class::Rule | Class::Policy | Class::Statistics => false,
            _ => self.mentions(&[&id.schema, &id.local_name()]),
        };
        obstacle.missing && named
    }

    /// Whether one of its statements has all of these names in it.
    fn mentions(&self, names: &[&str]) -> bool {
        let has = |statement: &String, name: &str| {
            let mut words = statement.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
            words.any(|word| word == name) || statement.contains(&identifier(name))
        };
        self.statements.iter().any(|statement| names.iter().all(|name| name.is_empty() || has(statement, name)))
    }
}

impl Obstacle {
    /// Of what is there, but so that what builds on it would fail.
    pub(super) fn unfit(id: &Id, reason: &str, statement: String) -> Box<Self> {
        let mut obstacle = Self::different(id, reason, statement);
        obstacle.missing = true;
        obstacle
    }

    pub(super) fn different(id: &Id, reason: &str, statement: String) -> Box<Self> {
        let statements = if statement.is_empty() { Vec::new() } else { vec![statement] };
        Box::new(Obstacle { id: id.clone(), reason: reason.to_owned(), statements, missing: false, key: false })
    }
}

/// A block that runs the statement only where `there` finds nothing.
pub(super) fn unless(there: &str, statement: &str) -> String {
    block(&format!("BEGIN\n  IF NOT EXISTS ({there}) THEN\n    {statement};\n  END IF;\nEND"))
}

/// A block that takes it well that the object exists.
pub(super) fn unless_exists(statement: &str) -> String {
    block(&format!("BEGIN\n  {statement};\nEXCEPTION WHEN duplicate_object THEN NULL;\nEND"))
}

/// The same for what PostgreSQL reports in another way when it exists.
pub(super) fn unless_made(statement: &str) -> String {
    block(&format!(
        "BEGIN\n  {statement};\nEXCEPTION WHEN duplicate_object OR duplicate_function OR unique_violation THEN NULL;\nEND"
    ))
}
