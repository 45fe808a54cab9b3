//! What there must be after statements, one by one; what a statement may remove, and does not say so, is forgotten.

use super::named::Named;
use super::words::{Name, Words};
use crate::migrate::catalog::Class;
use crate::migrate::sql::Statement;

/// What is named so far.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) found: Vec<Named>,
    /// Temporary tables: what belongs to them goes with the session, if not with the transaction.
    temporary: Vec<String>,
    /// Whether there are partitions, which go with their parents.
    partitions: bool,
    /// Whether the statement at hand succeeds also where it makes nothing.
    pub(super) is_guarded: bool,
    /// Of what guarded statements make: what can no longer be looked for once the statement at this byte has run.
    pub(super) doubted: Vec<(usize, Vec<Named>)>,
    pub(super) tag: String,
    pub(super) line: usize,
    pub(super) at: usize,
}

impl Expected {
    pub(super) fn take(&mut self, words: Words<'_>, statement: &Statement) {
        let mentions = |keyword: &str| statement.mentions(words.sql, keyword);
        let moves = mentions("rename") || mentions("schema");
        let (mut create, mut alter) = (words, words);
        let understood = if create.eat("create") {
            // What is not understood here names nothing, and removes nothing.
            _ = self.create(create);
            Some(())
        } else if alter.eat_all(&["alter", "table"]) && !moves {
            self.alter_table(alter)
        } else if alter.eat_all(&["alter", "sequence"]) && !moves {
            self.alter_sequence(alter)
        } else if words.starts(&["drop"]) && !mentions("cascade") {
            self.drop(words)
        } else {
            let may_remove = words.starts(&["drop", "call", "with", "execute", "rollback", "abort"]);
            let may_move = words.starts(&["alter"]) && moves;
            (!may_remove && !may_move).then_some(())
        };
        if understood.is_none() {
            self.doubt(|_| true);
        }
    }

    /// Forgets what the statement at hand may remove or move without saying so.
    pub(super) fn doubt(&mut self, is_doubtful: impl Fn(&Named) -> bool) {
        let (doubtful, found) = std::mem::take(&mut self.found).into_iter().partition(is_doubtful);
        self.found = found;
        // What the statement itself makes cannot be looked for before it.
        let lost: Vec<Named> = Vec::into_iter(doubtful).filter(|it| it.is_guarded && it.at < self.at).collect();
        match self.doubted.last_mut() {
            Some((at, before)) if *at == self.at => before.extend(lost),
            _ if lost.is_empty() => {}
            _ => self.doubted.push((self.at, lost)),
        }
    }

    fn create(&mut self, mut words: Words<'_>) -> Option<()> {
        words.eat_all(&["or", "replace"]);
        let mut temporary = words;
        let scope = temporary.eat("global") || temporary.eat("local");
        if scope || words.starts(&["temp", "temporary", "recursive"]) {
            let is_table = temporary.word().is_some() && temporary.eat("table");
            temporary.eat_all(&["if", "not", "exists"]);
            self.temporary.extend(temporary.name().filter(|_| is_table).map(|(_, name)| name));
            return None;
        }
        for skipped in ["unlogged", "unique", "constraint", "materialized"] {
            words.eat(skipped);
        }
        let what = words.word()?;
        words.eat("concurrently");
        words.eat_all(&["if", "not", "exists"]);
        match what.as_str() {
            "table" => {
                let name = words.name()?;
                if name.0.as_deref() == Some("pg_temp") {
                    self.temporary.push(name.1);
                    return None;
                }
                self.partitions |= words.starts(&["partition"]);
                self.columns(&name, words);
                self.add(Class::Table, &name);
            }
            "index" => {
                let (_, index) = words.name().filter(|(_, name)| name != "on")?;
                self.add_part(Class::Index, words, index)?;
            }
            "trigger" | "policy" => {
                let class = if what == "trigger" { Class::Trigger } else { Class::Policy };
                let (_, name) = words.name()?;
                self.add_part(class, words, name)?;
            }
            "schema" => {
                let (_, name) = words.name().filter(|(_, name)| name != "authorization")?;
                self.add(Class::Schema, &(Some(name), String::new()));
            }
            "extension" => self.add(Class::Extension, &(Some(String::new()), words.name()?.1)),
            "type" | "domain" => {
                let name = words.name()?;
                let values = words.eat_all(&["as", "enum"]).then(|| words.texts()).flatten().unwrap_or_default();
                self.push(Class::Type, &name, String::new(), name.1.clone(), values);
            }
            // What is owned goes with its column.
            "sequence" if words.tokens.iter().any(|token| token.is(words.sql, "owned")) => {}
            "sequence" => self.add(Class::Sequence, &words.name()?),
            "view" => self.add(Class::View, &words.name()?),
            "function" | "procedure" => self.add(Class::Function, &words.name()?),
            _ => {}
        }
        Some(())
    }

    /// The columns and named constraints between the parentheses of CREATE TABLE.
    fn columns(&mut self, (schema, table): &Name, mut words: Words<'_>) {
        if !words.eat_other("(") {
            return;
        }
        let table = (schema.clone(), table.clone());
        for mut item in words.items() {
            if item.eat("constraint") {
                if let Some((_, name)) = item.name() {
                    self.part(Class::Constraint, &table, name);
                }
            } else if !item.starts(&["primary", "unique", "check", "foreign", "exclude", "like"])
                && let Some((_, name)) = item.name()
            {
                self.part(Class::Column, &table, name);
            }
        }
    }

    fn alter_table(&mut self, mut words: Words<'_>) -> Option<()> {
        let perhaps = words.eat_all(&["if", "exists"]);
        words.eat("only");
        let table = words.name()?;
        for mut action in words.items() {
            if action.eat("add") {
                if perhaps {
                    continue;
                }
                let constraint = action.eat("constraint");
                if !constraint && action.starts(&["primary", "unique", "check", "foreign", "exclude"]) {
                    continue;
                }
                action.eat("column");
                action.eat_all(&["if", "not", "exists"]);
                let (_, name) = action.name()?;
                if let Some(index) = action.after(&["using", "index"]).and_then(|mut rest| rest.identifier()) {
                    // The constraint's name is the index's now.
                    self.doubt(|it| it.class == Class::Index && it.name == index);
                }
                self.part(if constraint { Class::Constraint } else { Class::Column }, &table, name);
            } else if action.eat("drop") {
                if action.tokens.last().is_some_and(|last| last.is(action.sql, "cascade")) {
                    // What the statement adds comes after all that it drops.
                    let at = self.at;
                    self.doubt(|it| it.at != at);
                    action.tokens = &action.tokens[..action.tokens.len() - 1];
                }
                let constraint = action.eat("constraint");
                action.eat("column");
                action.eat_all(&["if", "exists"]);
                let (_, name) = action.name()?;
                let is_part = |it: &Named| it.table == table.1 && may_be(&it.schema, &table.0);
                self.found.retain(|it| !(is_part(it) && it.name == name));
                if !constraint {
                    // With a column go the indexes and constraints that have it.
                    self.doubt(|it| is_part(it) && it.class != Class::Column);
                }
            } else if action.starts(&["attach", "detach", "inherit", "no"]) {
                self.partitions |= action.starts(&["attach"]);
                return None;
            }
        }
        Some(())
    }

    /// A sequence that gets an owner goes with it.
    fn alter_sequence(&mut self, mut words: Words<'_>) -> Option<()> {
        words.eat_all(&["if", "exists"]);
        let (_, name) = words.name()?;
        let owned = words.after(&["owned", "by"]).is_some();
        self.doubt(|it| owned && it.class == Class::Sequence && it.name == name);
        Some(())
    }

    fn drop(&mut self, mut words: Words<'_>) -> Option<()> {
        words.eat("drop");
        words.eat("materialized");
        let what = words.word()?;
        words.eat("concurrently");
        words.eat_all(&["if", "exists"]);
        let classes: &[Class] = match what.as_str() {
            "table" if self.partitions => return None,
            "table" => &[Class::Table],
            "index" => &[Class::Index],
            "type" | "domain" => &[Class::Type],
            "sequence" => &[Class::Sequence],
            "view" => &[Class::View],
            "function" | "procedure" | "routine" => &[Class::Function],
            "trigger" | "policy" | "rule" => &[Class::Trigger, Class::Policy],
            _ => return None,
        };
        for mut item in words.items() {
            let (schema, name) = item.name()?;
            let is_it = |it: &Named| {
                let part = ["table", "view"].contains(&what.as_str()) && it.table == name;
                part || classes.contains(&it.class) && it.name == name
            };
            self.found.retain(|it| !(is_it(it) && it.schema == schema));
            self.doubt(|it| is_it(it) && may_be(&it.schema, &schema));
        }
        Some(())
    }

    /// Something that belongs to the table after the next ON.
    fn add_part(&mut self, class: Class, mut words: Words<'_>, name: String) -> Option<()> {
        while !words.eat("on") {
            words = Words { tokens: words.tokens.get(1..)?, ..words };
        }
        words.eat("only");
        let table = words.name()?;
        self.part(class, &table, name);
        Some(())
    }

    fn part(&mut self, class: Class, table: &Name, name: String) {
        let is_temporary = table.0.is_none() && self.temporary.contains(&table.1);
        if !is_temporary {
            self.push(class, table, table.1.clone(), name, Vec::new());
        }
    }

    fn add(&mut self, class: Class, name: &Name) {
        self.push(class, name, String::new(), name.1.clone(), Vec::new());
    }

    /// What is in the schema of the session goes with it.
    fn push(&mut self, class: Class, (schema, _): &Name, table: String, name: String, values: Vec<String>) {
        if schema.as_deref() != Some("pg_temp") {
            let (is_guarded, line, at) = (self.is_guarded, self.line, self.at);
            let (schema, tag) = (schema.clone(), self.tag.clone());
            let named = Named { class, schema, table, name, values, is_guarded, tag, line, at };
            if !is_guarded {
                // Whatever an earlier statement passed over: this one made it, or failed.
                self.doubted.iter_mut().for_each(|(_, doubted)| doubted.retain(|it| !it.is_the_same_as(&named)));
            }
            self.found.push(named);
        }
    }
}

/// Whether two names of schemas, left out or not, may mean the same one.
fn may_be(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_none() || other.is_none() || one == other
}
