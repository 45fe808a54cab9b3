//! Why nothing is applied, as it is told: the same reason for many migrations once.

use std::{fmt, mem};

use miette::{Diagnostic, LabeledSpan, SourceCode};

use super::{Layout, Refusal};

/// From how many refusals of one kind on there may be one reason for all of them.
pub const MANY: usize = 4;
/// How many of them are named.
const NAMED: usize = 3;

/// Refusals of one kind, next to each other.
#[derive(Debug)]
pub struct Group(Vec<Refusal>);

/// Those of a kind each on its own, and as one from `many` of them on.
pub fn groups(refusals: Vec<Refusal>, many: usize) -> Vec<Group> {
    let mut kinds: Vec<Vec<Refusal>> = Vec::new();
    for refusal in refusals {
        let kind = mem::discriminant(&refusal);
        match kinds.iter_mut().find(|others| mem::discriminant(&others[0]) == kind) {
            Some(others) => others.push(refusal),
            None => kinds.push(vec![refusal]),
        }
    }
    let apart = |kind: Vec<Refusal>| match what(&kind[0]) {
        Some(_) if kind.len() >= many => vec![Group(kind)],
        _ => kind.into_iter().map(|refusal| Group(vec![refusal])).collect(),
    };
    kinds.into_iter().flat_map(apart).collect()
}

/// What can be said of many at once, what follows their number.
fn what(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::OutOfOrder { layout: Layout::V0, .. } => {
            Some("migrations are not applied, but later ones are; Drizzle would skip them and report success")
        }
        Refusal::OutOfOrder { layout: Layout::V1, .. } => Some("migrations are not applied, but later ones are"),
        Refusal::Misordered { .. } => Some("migrations have a `when` that is not greater than that of one before them"),
        Refusal::Edited { .. } => Some("migrations were edited after they were applied"),
        Refusal::LineEnds { .. } => {
            Some("migrations have other line ends than what was applied, and are the same otherwise")
        }
        Refusal::Stray { .. } => Some("files are not in the journal; Drizzle would never run them"),
        _ => None,
    }
}

/// What to do about several at once.
fn remedy(refusal: &Refusal, is_many: bool) -> Option<&'static str> {
    match refusal {
        Refusal::OutOfOrder { .. } if is_many => Some(
            "So many at once are seldom late ones: is this the folder of this database? If it is, generate them again, so that \
             they come last; or, if they do not depend on the order, apply them with --allow-out-of-order.",
        ),
        Refusal::OutOfOrder { .. } => Some(
            "Generate them again, so that they come last; or, if they do not depend on the order, apply them with \
             --allow-out-of-order.",
        ),
        Refusal::Misordered { .. } => Some(
            "Drizzle would skip them wherever the earlier one is applied. Give each a `when` greater than that of the one \
             before it; or, if they do not depend on the order, apply them with --allow-out-of-order.",
        ),
        Refusal::Edited { .. } if !is_many => Some(
            "Restore the files from version control and put changes into new migrations; or, if the database has them, apply with \
             --accept-edited.",
        ),
        Refusal::Edited { .. } => Some(
            "So many at once usually have one reason: another folder. Restore the files from version control and put changes \
             into new migrations; or, if the database has them, apply with --accept-edited.",
        ),
        Refusal::LineEnds { .. } => Some(
            "git writes the line ends of its system (core.autocrlf), and Drizzle's hash is of the bytes. Keep them the same on \
             every machine: a line `*.sql text eol=lf` in .gitattributes, then `git add --renormalize .` and check the files \
             out again. If the ledger is to have the hashes of the files as they are now, apply with --accept-edited.",
        ),
        Refusal::Stray { .. } => Some(
            "Add each with `infra migrate new NAME` (which writes the entry), move them out of the folder, or apply with \
             --ignore-strays.",
        ),
        _ => None,
    }
}

/// What one of many is called.
fn name(refusal: &Refusal) -> String {
    match refusal {
        Refusal::OutOfOrder { tag, .. }
        | Refusal::Misordered { tag, .. }
        | Refusal::Edited { tag, .. }
        | Refusal::LineEnds { tag, .. } => tag.clone(),
        Refusal::Stray { path, .. } => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        other => other.to_string(),
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Group(refusals) = self;
        let (first, Some(what)) = (&refusals[0], what(&refusals[0]).filter(|_| refusals.len() > 1)) else {
            return write!(formatter, "{}", refusals[0]);
        };
        let number = refusals.len();
        let mut names: Vec<String> = refusals.iter().take(NAMED).map(name).collect();
        match number - names.len() {
            0 => {}
            1 => names.extend(refusals.last().map(name)),
            more => names.push(format!("{more} more")),
        }
        let after = match first {
            Refusal::OutOfOrder { after, .. } => format!(" (the last one that is: {after})"),
            _ => String::new(),
        };
        let last = names.pop().unwrap_or_default();
        write!(formatter, "{number} {what}{after}: {} and {last}.", names.join(", "))
    }
}

impl Group {
    /// The option of `infra migrate apply` that lets it through.
    pub fn option(&self) -> Option<String> {
        let option = self.0[0].option()?;
        match self.0.len() {
            1 => Some(option),
            // Of several, the option without the name of one.
            _ => option.split(' ').next().map(str::to_owned),
        }
    }
}

impl std::error::Error for Group {}

impl Diagnostic for Group {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match &self.0[..] {
            [only] => only.help(),
            [first, ..] => remedy(first, self.0.len() >= MANY).map(|text| Box::new(text) as Box<dyn fmt::Display>),
            [] => None,
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0[0].source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0[0].labels()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_a_kind_are_one() {
        let late = |number: usize| Refusal::OutOfOrder {
            tag: format!("{number:04}_m"),
            path: format!("migrations/{number:04}_m.sql").into(),
            after: "0300_last".to_owned(),
            layout: Layout::V0,
        };
        let stray = || Refusal::Stray { path: "migrations/a.sql".into(), ledger: None, row: None };
        let refusals = |late_ones: usize| [stray()].into_iter().chain((0..late_ones).map(late)).collect();
        assert_eq!(groups(refusals(3), MANY).len(), 4);
        let few = groups(refusals(3), 2);
        assert!(few[1].to_string().ends_with("(the last one that is: 0300_last): 0000_m, 0001_m and 0002_m."));
        assert!(few[1].help().unwrap().to_string().starts_with("Generate them again"));
        let many = groups(refusals(295), MANY);
        assert_eq!(many.len(), 2);
        assert_eq!(
            many[1].to_string(),
            "295 migrations are not applied, but later ones are; Drizzle would skip them and report success (the last one that \
             is: 0300_last): 0000_m, 0001_m, 0002_m and 292 more."
        );
        assert!(groups(refusals(4), MANY)[1].to_string().ends_with("0000_m, 0001_m, 0002_m and 0003_m."));
        assert!(many[1].help().unwrap().to_string().contains("--allow-out-of-order"));
    }
}
