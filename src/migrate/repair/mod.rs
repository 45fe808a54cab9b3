//! Repairing: the statements that make what verify found missing, for the next migration of the folder.
//!
//! Every statement can be run again. Nothing is dropped, no row is changed; what could lose data, or would fail on the data
//! that is there, is an [`Obstacle`]: listed, not done. Whether the data stands against a statement is asked of the database
//! with queries that only read.
//!
//! - `missing`, `different`: a difference → steps and obstacles. Pure.
//! - `probe`: what the data has to be for a step to succeed
//! - `file`: steps and obstacles as the text of a migration; writing it

mod different;
mod file;
mod missing;
mod probe;
mod step;

pub use file::{text, write};
pub use step::{Obstacle, Step};

use super::connect::Client;
use super::folder::BREAKPOINT;
use super::quote::literal;
use super::verify::Report;
use super::verify::compare::Change;

/// What can be made good, in the order in which it can be, and what cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    /// What is done.
    pub steps: Vec<Step>,
    /// What is not done.
    pub obstacles: Vec<Obstacle>,
}

/// Plans the repair of what a replay found; reads the database, changes nothing.
pub async fn repair(client: &Client, report: &Report) -> Repair {
    let mut repair = Repair::default();
    for difference in &report.differences {
        let mended = match difference.change {
            Change::Missing => missing::mend(difference, &report.live),
            Change::Different => different::mend(difference),
            // What no migration makes may be somebody's: it stays.
            Change::Extra => Vec::new(),
        };
        for result in mended {
            match result {
                Ok(step) => repair.steps.push(step),
                Err(obstacle) => repair.obstacles.push(*obstacle),
            }
        }
    }
    repair.steps.sort_by_key(|step| (step.phase, step.position));
    let mut steps = Vec::new();
    for step in std::mem::take(&mut repair.steps) {
        match step.obstacle(client).await {
            None => steps.push(step),
            Some(reason) => repair.obstacles.push(step.into_obstacle(reason)),
        }
    }
    repair.steps = steps;
    repair.hold_back(|step| {
        let cut = step.statements.iter().any(|statement| statement.contains(BREAKPOINT));
        cut.then(|| "Drizzle would split it: it holds the text of a breakpoint".to_owned())
    });
    repair.hold_back(|step| {
        let one = step.statements.iter().all(|statement| file::is_one(statement));
        (!one).then(|| "a name in it would be read as a statement of its own".to_owned())
    });
    repair.wait_for_labels();
    repair.wait_for_obstacles();
    repair
}

impl Repair {
    /// Turns the steps that something stands against into obstacles; whether there were any.
    fn hold_back(&mut self, against: impl Fn(&Step) -> Option<String>) -> bool {
        let before = self.obstacles.len();
        for step in std::mem::take(&mut self.steps) {
            match against(&step) {
                None => self.steps.push(step),
                Some(reason) => self.obstacles.push(step.into_obstacle(reason)),
            }
        }
        self.obstacles.len() > before
    }

    /// A new label of an enum can be used once the migration that adds it is committed.
    fn wait_for_labels(&mut self) {
        let labels: Vec<String> = self.steps.iter().flat_map(|step| &step.labels).map(|label| literal(label)).collect();
        self.hold_back(|step| {
            let uses = |label: &&String| step.statements.iter().any(|statement| statement.contains(label.as_str()));
            let used = labels.iter().find(uses).filter(|_| step.labels.is_empty())?;
            Some(format!("it uses {used}, a new label of an enum, which can be used once this repair is applied: repair again then"))
        });
    }

    /// What names something that is not made good would fail on it.
    fn wait_for_obstacles(&mut self) {
        loop {
            let obstacles = self.obstacles.clone();
            let again = self.hold_back(|step| {
                let needed = obstacles.iter().find(|obstacle| step.needs(obstacle))?;
                Some(format!("it needs the {}", needed.id))
            });
            if !again {
                return;
            }
        }
    }
}
