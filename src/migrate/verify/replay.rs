//! The migrations as they are run again in a scratch database: in the order they were applied in, and without the
//! statements whose effect is not confined to a database. Pure.

use super::reach::{Reach, Verdict};
use crate::migrate::folder::{Folder, Layout, Migration};
use crate::migrate::plan::{Plan, State};
use crate::migrate::position::Lines;
use crate::migrate::sql::statements;

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The migrations, with a time of their own so that nothing is out of order.
    pub folder: Folder,
    /// The statements that are left out, as `0003_roles, line 4: CREATE ROLE app`.
    pub left_out: Vec<String>,
    /// The first statement without which the others cannot be replayed, and which must not be; written in the same way.
    pub refused: Option<String>,
}

/// The migrations of the folder that are applied, in the order of their ledger rows.
pub fn applied<'a>(folder: &'a Folder, plan: &Plan) -> Vec<&'a Migration> {
    let row = |state: &State| match state {
        State::Applied { row, .. } | State::Edited { row, .. } => Some(*row),
        _ => None,
    };
    let pairs = folder.migrations.iter().zip(&plan.migrations);
    let mut rows: Vec<(i64, &Migration)> =
        pairs.filter_map(|(migration, status)| Some((row(&status.state)?, migration))).collect();
    rows.sort_by_key(|(row, _)| *row);
    rows.into_iter().map(|(_, migration)| migration).collect()
}

impl Replay {
    /// Prepares the migrations.
    pub fn of(folder: &Folder, migrations: &[&Migration]) -> Self {
        let reach = Reach::of(migrations);
        let (mut left_out, mut refused) = (Vec::new(), None);
        let migrations = (0..).zip(migrations).map(|(idx, migration)| {
            let mut sql = migration.sql.clone();
            let mut lines = Lines::of(&migration.sql);
            for chunk in migration.chunks() {
                for statement in statements(chunk.text) {
                    let verdict = reach.judge(chunk.text, &statement);
                    if verdict == Verdict::Runs {
                        continue;
                    }
                    let span = statement.span();
                    let text = &chunk.text[span.clone()];
                    let start = chunk.offset + span.start;
                    let line = lines.at(start);
                    let first = text.lines().next().unwrap_or_default();
                    // Not more than what it is: after CREATE ROLE may come a password.
                    let words: Vec<&str> = first.split_whitespace().take(3).collect();
                    let what = format!("{}, line {line}: {} …", migration.tag, words.join(" "));
                    if verdict == Verdict::Refused {
                        refused.get_or_insert(what);
                        continue;
                    }
                    left_out.push(what);
                    sql.replace_range(start..start + text.len(), &blank(text));
                }
            }
            let when_millis = i64::try_from(idx).unwrap_or(i64::MAX).saturating_add(1);
            Migration { idx, when_millis, sql, ..(*migration).clone() }
        });
        let migrations = migrations.collect();
        // Whatever the layout, the replay's ledger is v0's: it is thrown away.
        Replay {
            folder: Folder { path: folder.path.clone(), layout: Layout::V0, migrations, strays: Vec::new() },
            left_out,
            refused,
        }
    }

    /// The extensions that the migrations make themselves.
    pub fn extensions(&self) -> Vec<String> {
        let mut made = Vec::new();
        for migration in &self.folder.migrations {
            for chunk in migration.chunks() {
                for statement in statements(chunk.text) {
                    if statement.starts_with(chunk.text, &["create", "extension"]) {
                        let names = statement.tokens.iter().map(|token| token.text(chunk.text).trim_matches('"'));
                        made.extend(names.map(str::to_owned));
                    }
                }
            }
        }
        made
    }
}

/// As many bytes, with the lines where they were, so that places in the file stay right.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    fn folder() -> Folder {
        Folder { path: "m".into(), layout: Layout::V0, migrations: Vec::new(), strays: Vec::new() }
    }

    #[test]
    fn what_reaches_out_is_blank() {
        let sql = "SELECT 1;\nCREATE ROLE a\n  LOGIN;\nSELECT 2;";
        let replay = Replay::of(&folder(), &[&migration("0000_a", 5, sql)]);
        let rest = &replay.folder.migrations[0].sql;
        assert_eq!((rest.len(), rest.matches('\n').count()), (sql.len(), 3));
        assert_eq!(rest.split_whitespace().collect::<Vec<_>>().join(" "), "SELECT 1; ; SELECT 2;");
        assert_eq!((replay.left_out, replay.refused), (vec!["0000_a, line 2: CREATE ROLE a …".to_owned()], None));
        let replay = Replay::of(&folder(), &[&migration("0000_a", 5, "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b")]);
        assert_eq!(replay.refused, Some("0000_a, line 1: IMPORT FOREIGN SCHEMA …".to_owned()));
    }

    #[test]
    fn a_password_is_not_repeated() {
        let migration = migration("0000_a", 5, "CREATE ROLE app PASSWORD 'hunter2'");
        let replay = Replay::of(&folder(), &[&migration]);
        assert_eq!(replay.left_out, ["0000_a, line 1: CREATE ROLE app …"]);
    }
}
