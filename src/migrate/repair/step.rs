//! One step of a repair, and what cannot be one.

use serde::Serialize;

use super::probe::Probe;
use crate::migrate::catalog::{Id, Object};
use crate::migrate::quote::block;

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
    /// Whether the object is missing, and not just different.
    #[serde(skip)]
    pub(super) missing: bool,
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
        Obstacle { id: self.id, reason, statements, missing: self.missing }
    }

    /// Whether one of its statements has this name in it, other than as the name of what it makes.
    pub(super) fn mentions(&self, name: &str) -> bool {
        let word = |statement: &String| {
            let mut words = statement.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
            words.any(|word| word == name) || (name.contains(' ') && statement.contains(name))
        };
        self.statements.iter().any(word)
    }
}

impl Obstacle {
    pub(super) fn different(id: &Id, reason: &str, statement: String) -> Box<Self> {
        let statements = if statement.is_empty() { Vec::new() } else { vec![statement] };
        Box::new(Obstacle { id: id.clone(), reason: reason.to_owned(), statements, missing: false })
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
