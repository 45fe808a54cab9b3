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
    pub(super) tag: String,
    pub(super) line: usize,
    pub(super) at: usize,
}

impl Expected {
    /// For one statement, which begins at this byte of its file.
    pub(super) fn of_statement(tag: &str, at: usize) -> Self {
        Self { tag: tag.to_owned(), at, ..Self::default() }
    }

    /// Takes the statements of a DO block; where they run only if the catalog lacks something, what it is asked for alone.
    pub(super) fn take_guarded(&mut self, body: &str, statements: &[Statement], asked: Option<&[String]>) {
        statements.iter().for_each(|it| self.take(Words { sql: body, tokens: &it.tokens }, it));
        if let Some(asked) = asked {
            let (tag, at) = (self.tag.clone(), self.at);
            self.found.retain(|it| it.is_asked_for(asked) || (&it.tag, it.at) != (&tag, at));
        }
    }

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
            self.found.clear();
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
        for skipped in ["unlogged", "unique", "constraint", "materialized", "foreign"] {
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
                self.add(Class::Table, &name);
                self.columns(&name, words);
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
                self.push(Named { class: Class::Type, name: name.1.clone(), values, ..self.named(&name) });
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
                if let Some(name) = item.identifier() {
                    self.part(Class::Constraint, &table, name, true);
                }
            } else if !item.starts(&["primary", "unique", "check", "foreign", "exclude", "like"]) {
                self.column(&table, item, true);
            }
        }
    }

    /// A column, and the constraints with a name that stand behind it.
    fn column(&mut self, table: &Name, mut words: Words<'_>, is_created: bool) -> Option<()> {
        let name = words.identifier()?;
        self.part(Class::Column, table, name, is_created);
        while let Some(mut rest) = words.after(&["constraint"]) {
            let name = rest.identifier();
            // PostgreSQL 15 keeps no name of a NOT NULL.
            if let Some(name) = name.filter(|_| rest.starts(&["unique", "primary", "check", "references"])) {
                self.part(Class::Constraint, table, name, is_created);
            }
            words = rest;
        }
        Some(())
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
                if !constraint {
                    self.column(&table, action, false)?;
                    continue;
                }
                let name = action.identifier()?;
                if let Some(index) = action.after(&["using", "index"]).and_then(|mut rest| rest.identifier()) {
                    // The constraint's name is the index's now.
                    self.found.retain(|it| it.class != Class::Index || it.name != index);
                }
                self.part(Class::Constraint, &table, name, false);
            } else if action.eat("drop") {
                if let Some((_, rest)) = action.tokens.split_last().filter(|(last, _)| last.is(action.sql, "cascade")) {
                    // What the statement adds comes after all that it drops.
                    let (tag, at) = (self.tag.clone(), self.at);
                    self.found.retain(|it| it.tag == tag && it.at == at);
                    action.tokens = rest;
                }
                let constraint = action.eat("constraint");
                action.eat("column");
                action.eat_all(&["if", "exists"]);
                let (_, name) = action.name()?;
                self.found.retain(|it| {
                    let same = it.table == table.1 && may_be(&it.schema, &table.0);
                    // With a column go the indexes and constraints that have it.
                    let gone = if constraint { it.name == name } else { it.name == name || it.class != Class::Column };
                    !(same && gone)
                });
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
        self.found.retain(|it| !(owned && it.class == Class::Sequence && it.name == name));
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
            self.found.retain(|it| {
                let part = ["table", "view"].contains(&what.as_str()) && it.table == name;
                !((part || classes.contains(&it.class) && it.name == name) && may_be(&it.schema, &schema))
            });
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
        self.part(class, &table, name, false);
        Some(())
    }

    /// Something of a table; `is_created` where the table is made by the same statement.
    fn part(&mut self, class: Class, table: &Name, name: String, is_created: bool) {
        let is_temporary = table.0.is_none() && !is_created && self.temporary.contains(&table.1);
        if !is_temporary {
            self.push(Named { class, table: table.1.clone(), name, is_created, ..self.named(table) });
        }
    }

    fn add(&mut self, class: Class, name: &Name) {
        self.push(Named { class, name: name.1.clone(), ..self.named(name) });
    }

    fn named(&self, (schema, _): &Name) -> Named {
        Named {
            class: Class::Table,
            schema: schema.clone(),
            table: String::new(),
            name: String::new(),
            values: Vec::new(),
            is_created: true,
            tag: self.tag.clone(),
            line: self.line,
            at: self.at,
        }
    }

    /// What is in the schema of the session goes with it.
    fn push(&mut self, named: Named) {
        if named.schema.as_deref() != Some("pg_temp") {
            self.found.push(named);
        }
    }
}

/// Whether two names of schemas, left out or not, may mean the same one.
fn may_be(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_none() || other.is_none() || one == other
}
