//! What makes an object as it should be, where it is otherwise; or why that is not done. Pure.

use serde_json::Value;

use super::missing::catch_up;
use super::probe;
use super::step::{Mended, Obstacle, Phase, Step};
use crate::migrate::catalog::{Class, Object, column, policy, sequence, table, trigger, view};
use crate::migrate::quote::block;
use crate::migrate::quote::{identifier, literal};
use crate::migrate::verify::compare::Difference;

/// Why something that exists is not made anew.
const DROPS: &str = "it would have to be dropped and made again";
const TYPE: &str = "its type is another one: every row would have to be converted";

/// The steps that change what is there.
pub(super) fn mend(difference: &Difference) -> Mended {
    let (Some(wanted), Some(live)) = (&difference.wanted, &difference.live) else { return Vec::new() };
    let pair = Pair { wanted, live };
    let mut mended = match wanted.id.class {
        // Nothing but their comments and an extension's schema can differ.
        Class::Schema => Vec::new(),
        Class::Enum => pair.enumeration(),
        Class::Sequence => pair.sequence(),
        Class::Function => pair.function(),
        Class::Table => pair.table(),
        Class::Column => pair.column(),
        Class::Constraint => pair.constraint(),
        Class::View => pair.view(),
        Class::Rule | Class::Trigger => pair.trigger(),
        Class::Policy => pair.policy(),
        Class::Extension
        | Class::ForeignDataWrapper
        | Class::Server
        | Class::UserMapping
        | Class::Collation
        | Class::Type
        | Class::Aggregate
        | Class::Operator
        | Class::Cast
        | Class::TextSearchDictionary
        | Class::TextSearchConfiguration
        | Class::Index
        | Class::Statistics
        | Class::MaterializedView
        | Class::Publication
        | Class::EventTrigger => pair.anew(),
    };
    if pair.differs("comment") {
        let statement = wanted.comment().unwrap_or_else(|| format!("COMMENT ON {} IS NULL", wanted.id.subject()));
        mended.push(Ok(Step::change(Phase::Comment, wanted, statement)));
    }
    mended
}

struct Pair<'a> {
    wanted: &'a Object,
    live: &'a Object,
}

impl Pair<'_> {
    fn differs(&self, attribute: &str) -> bool {
        self.wanted.attributes.get(attribute) != self.live.attributes.get(attribute)
    }

    /// Whether anything but the comment differs.
    fn differs_beyond(&self, attributes: &[&str]) -> bool {
        let rest = |object: &Object| {
            let mut map = object.attributes.clone();
            map.retain(|name, _| name != "comment" && !attributes.contains(&name.as_str()));
            map
        };
        rest(self.wanted) != rest(self.live)
    }

    fn step(&self, phase: Phase, statement: String) -> Step {
        Step::change(phase, self.wanted, statement)
    }

    fn not(&self, reason: &str, statement: String) -> Result<Step, Box<Obstacle>> {
        Err(Obstacle::different(&self.wanted.id, reason, statement))
    }

    /// What can only be dropped and made again.
    fn anew(&self) -> Mended {
        if !self.differs_beyond(&[]) {
            return Vec::new();
        }
        let Object { id, .. } = self.wanted;
        if id.class == Class::Index && self.live.flag("invalid") && !self.differs_beyond(&["invalid"]) {
            let reason = "it is INVALID, as building it failed: no query uses it, and it may not be unique";
            return vec![
                self.not(reason, format!("REINDEX {}", id.subject().replacen("INDEX", "INDEX CONCURRENTLY", 1))),
            ];
        }
        let drop = match id.class {
            Class::Constraint => format!("ALTER TABLE {} DROP CONSTRAINT {}", id.table_sql(), id.sql()),
            _ => format!("DROP {}", id.subject()),
        };
        let make = match id.class {
            Class::Constraint => format!("ALTER TABLE {} ADD {}", id.table_sql(), self.wanted.definition_alone()),
            _ => self.wanted.definition_alone(),
        };
        vec![self.not(DROPS, format!("{drop};\n{make}"))]
    }

    fn enumeration(&self) -> Mended {
        let (wanted, live) = (self.wanted.list("labels"), self.live.list("labels"));
        let kept: Vec<&&str> = wanted.iter().filter(|label| live.contains(label)).collect();
        let in_order: Vec<&&str> = live.iter().filter(|label| wanted.contains(label)).collect();
        let mut mended = Vec::new();
        if kept != in_order {
            return vec![self.not("its labels are in another order, which nothing can change", String::new())];
        }
        for (index, label) in wanted.iter().enumerate().filter(|(_, label)| !live.contains(label)) {
            let place = match (index.checked_sub(1).and_then(|before| wanted.get(before)), live.first()) {
                (Some(before), _) => format!(" AFTER {}", literal(before)),
                (None, Some(first)) => format!(" BEFORE {}", literal(first)),
                (None, None) => String::new(),
            };
            let name = self.wanted.id.sql();
            let statement = format!("ALTER TYPE {name} ADD VALUE IF NOT EXISTS {}{place}", literal(label));
            let mut step = self.step(Phase::Change, statement);
            step.labels.push((*label).to_owned());
            // Labels follow each other: the one before has to be there first.
            step.position = i64::try_from(index).unwrap_or(i64::MAX);
            mended.push(Ok(step));
        }
        let extra: Vec<String> = live.iter().filter(|label| !wanted.contains(label)).map(|it| literal(it)).collect();
        if !extra.is_empty() {
            let reason =
                format!("it has labels that no migration makes ({}), and a label cannot be removed", extra.join(", "));
            mended.push(self.not(&reason, String::new()));
        }
        mended
    }

    fn sequence(&self) -> Mended {
        let name = self.wanted.id.sql();
        let parameters = self.wanted.text("parameters");
        let cycle = if parameters.ends_with(" CYCLE") { "" } else { " NO CYCLE" };
        let alter = format!("ALTER SEQUENCE {name} {parameters}{cycle}");
        let mut mended = Vec::new();
        if self.differs("type") {
            // The parameters of one type may be out of the other's bounds.
            mended.push(self.not(TYPE, format!("ALTER SEQUENCE {name} AS {};\n{alter}", self.wanted.text("type"))));
        } else if self.differs("parameters") {
            let step = self.step(Phase::Change, alter);
            mended.push(Ok(step.only_if(probe::bounds(&name, parameters))));
        }
        if self.differs("owner") {
            let owner = sequence::owner(self.wanted).unwrap_or_else(|| "NONE".to_owned());
            mended.push(Ok(self.step(Phase::Owner, format!("ALTER SEQUENCE {name} OWNED BY {owner}"))));
        }
        mended
    }

    fn function(&self) -> Mended {
        if !self.differs("definition") {
            return Vec::new();
        }
        let signature = |object: &Object| object.text("definition").lines().take(2).collect::<Vec<_>>().join("\n");
        if signature(self.wanted) != signature(self.live) {
            return self.anew();
        }
        vec![Ok(self.step(Phase::Function, self.wanted.definition_alone()))]
    }

    fn table(&self) -> Mended {
        let name = self.wanted.id.sql();
        let mut mended = Vec::new();
        for (attribute, off) in [("row security", "DISABLE"), ("forced row security", "NO FORCE")] {
            if self.differs(attribute) && !self.wanted.flag(attribute) {
                let statement = format!("ALTER TABLE {name} {off} ROW LEVEL SECURITY");
                mended.push(self.not("turning row level security off would show rows that are hidden now", statement));
            }
        }
        if self.differs("row security") || self.differs("forced row security") {
            let switches = table::row_security(self.wanted).into_iter();
            mended.extend(switches.map(|statement| Ok(self.step(Phase::RowSecurity, statement))));
        }
        if self.differs("options") {
            let statement = match self.wanted.text("options") {
                "" => Err(format!("ALTER TABLE {name} RESET (…)")),
                options => Ok(format!("ALTER TABLE {name} SET ({options})")),
            };
            mended.push(match statement {
                Ok(statement) => Ok(self.step(Phase::Change, statement)),
                Err(statement) => self.not("it has storage options that no migration sets", statement),
            });
        }
        if self.differs("replica identity") {
            let usual = || format!("ALTER TABLE {name} REPLICA IDENTITY DEFAULT");
            let statement = table::replica_identity(self.wanted).unwrap_or_else(usual);
            mended.push(Ok(self.step(Phase::RowSecurity, statement)));
        }
        mended.extend(self.own_columns());
        if self.differs_beyond(&["row security", "forced row security", "options", "replica identity", "own columns"]) {
            mended.push(self.not("what kind of table it is cannot be changed without moving its rows", String::new()));
        }
        mended
    }

    /// What a partition has changed of its parent's columns.
    fn own_columns(&self) -> Mended {
        let (wanted, live) = (self.wanted.list("own columns"), self.live.list("own columns"));
        let name = self.wanted.id.sql();
        let missing = wanted.iter().filter(|action| !live.contains(action)).map(|action| {
            let step = self.step(Phase::Change, format!("ALTER TABLE {name} {action}"));
            Ok(step.only_if(table::required(action).map(|column| probe::nulls(&name, column))))
        });
        let column = |action: &str| action.split(" SET ").next().unwrap_or_default().replace(" DROP DEFAULT", "");
        let extra = live.iter().filter(|action| {
            // A default that is another one is set.
            let set = |it: &&&str| column(it) == column(action) && it.contains("DEFAULT") && action.contains("DEFAULT");
            !wanted.contains(action) && !wanted.iter().any(|it| set(&it))
        });
        let extra = extra.map(|action| {
            let reason = format!("it has a column of its parent's otherwise, which no migration makes ({action})");
            self.not(&reason, String::new())
        });
        missing.chain(extra).collect()
    }

    fn column(&self) -> Mended {
        let wanted = self.wanted;
        let (table, name) = (wanted.id.table_sql(), wanted.id.sql());
        let alter = |what: &str| format!("ALTER TABLE {table} ALTER COLUMN {name} {what}");
        let mut mended = Vec::new();
        if self.differs("not null") {
            mended.push(if wanted.flag("not null") {
                let step = self.step(Phase::Column, alter("SET NOT NULL"));
                Ok(step.only_if(Some(probe::nulls(&table, &name))))
            } else {
                self.not("allowing NULL again is for somebody to decide", alter("DROP NOT NULL"))
            });
        }
        // Each of the following builds on the one before it.
        if self.differs("generated") {
            let reason = "whether it is computed, and how, can only be changed by making it again";
            mended.push(Err(Obstacle::unfit(&wanted.id, reason, String::new())));
        } else if self.differs("type") || self.differs("collation") {
            let typed = column::typed(wanted);
            let mut statements = vec![alter(&format!("TYPE {typed} USING {name}::{}", wanted.text("type")))];
            if self.differs("default") && !wanted.text("default").is_empty() {
                statements.push(alter(&format!("SET DEFAULT {}", wanted.text("default"))));
            }
            mended.push(Err(Obstacle::unfit(&wanted.id, TYPE, statements.join(";\n"))));
        } else {
            mended.extend(self.value(&alter));
        }
        mended
    }

    /// A default or an identity: a column cannot have both, and either has to go before the other comes.
    fn value(&self, alter: &dyn Fn(&str) -> String) -> Mended {
        let (default, identity) = (self.wanted.text("default"), self.wanted.text("identity"));
        let (had_default, had_identity) = (self.live.text("default"), self.live.text("identity"));
        if !identity.is_empty() && !had_default.is_empty() {
            let statement = format!("{};\n{}", alter("DROP DEFAULT"), self.add_identity());
            return vec![
                self.not("it has a default, which would have to go before it can have an identity", statement),
            ];
        }
        if !default.is_empty() && !had_identity.is_empty() {
            let statement = format!("{};\n{}", alter("DROP IDENTITY"), alter(&format!("SET DEFAULT {default}")));
            return vec![
                self.not("it has an identity, which would have to go before it can have a default", statement),
            ];
        }
        let mut mended = self.identity(alter);
        if self.differs("default") {
            mended.push(match default {
                "" => self.not("it has a default that no migration makes", alter("DROP DEFAULT")),
                default => Ok(self.step(Phase::Change, alter(&format!("SET DEFAULT {default}")))),
            });
        }
        mended
    }

    fn identity(&self, alter: &dyn Fn(&str) -> String) -> Mended {
        let (wanted, live) = (self.wanted.text("identity"), self.live.text("identity"));
        let (table, name) = (self.wanted.id.table_sql(), self.wanted.id.sql());
        match (wanted, live) {
            ("", "") => Vec::new(),
            ("", _) => vec![self.not("it has an identity that no migration makes", alter("DROP IDENTITY"))],
            // Only what is NOT NULL can have one.
            (_, "") => {
                let step = self.step(Phase::Owner, self.add_identity());
                vec![Ok(step.only_if(Some(probe::nulls(&table, &name))))]
            }
            _ if self.differs("sequence") => {
                vec![self.not("the sequence of its identity has other parameters", String::new())]
            }
            _ if wanted != live => {
                vec![Ok(self.step(Phase::Change, alter(&format!("SET GENERATED {wanted}"))))]
            }
            _ => Vec::new(),
        }
    }

    /// An identity that goes on where the column's values end.
    fn add_identity(&self) -> String {
        let id = &self.wanted.id;
        let (table, name) = (id.table_sql(), id.sql());
        let sequence = self.wanted.text("sequence").trim_start_matches("SEQUENCE NAME ");
        let (sequence, parameters) = sequence.split_at(sequence.rfind("INCREMENT BY ").unwrap_or(sequence.len()));
        let moved = catch_up(sequence.trim_end(), parameters, &table, &name).replacen("SELECT", "PERFORM", 1);
        block(&format!(
            "BEGIN\n  IF (SELECT attidentity FROM pg_catalog.pg_attribute WHERE attrelid = {}::regclass AND attname = {}) = '' \
             THEN\n    ALTER TABLE {table} ALTER COLUMN {name} ADD {};\n    {moved};\n  END IF;\nEND",
            literal(&table),
            literal(&id.name),
            column::identity(self.wanted)
        ))
    }

    fn constraint(&self) -> Mended {
        let (wanted, live) = (self.wanted.text("definition"), self.live.text("definition"));
        if live.strip_suffix(" NOT VALID") == Some(wanted) {
            let id = &self.wanted.id;
            let statement = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", id.table_sql(), id.sql());
            let step = self.step(Phase::ForeignKey, statement);
            // The table it points at is there, as the constraint is.
            return vec![Ok(step.only_if(probe::valid(self.wanted, true)))];
        }
        self.anew()
    }

    fn view(&self) -> Mended {
        if !self.differs_beyond(&[]) {
            return Vec::new();
        }
        let (wanted, live) = (self.wanted.list("columns"), self.live.list("columns"));
        if !wanted.starts_with(&live) {
            return self.anew();
        }
        vec![Ok(self.step(Phase::View, view::create(self.wanted, "OR REPLACE VIEW")))]
    }

    fn trigger(&self) -> Mended {
        let id = &self.wanted.id;
        let what = if id.class == Class::Rule { "RULE" } else { "TRIGGER" };
        let mut mended = Vec::new();
        if self.differs("definition") {
            let constraint = |object: &Object| object.facts.get("constraint") == Some(&Value::Bool(true));
            if constraint(self.wanted) || constraint(self.live) {
                return self.anew();
            }
            let create = format!("CREATE {what}");
            let statement = self.wanted.text("definition").replacen(&create, &format!("CREATE OR REPLACE {what}"), 1);
            mended.push(Ok(self.step(Phase::Trigger, statement)));
        }
        if self.differs("enabled") {
            let usual = || format!("ALTER TABLE {} ENABLE {what} {}", id.table_sql(), id.sql());
            let statement = trigger::firing(self.wanted, what).unwrap_or_else(usual);
            mended.push(Ok(self.step(Phase::RowSecurity, statement)));
        }
        mended
    }

    fn policy(&self) -> Mended {
        let lost = |attribute| self.wanted.text(attribute).is_empty() && !self.live.text(attribute).is_empty();
        if self.differs("as") || self.differs("for") || lost("using") || lost("check") {
            return self.anew();
        }
        if !self.differs_beyond(&[]) {
            return Vec::new();
        }
        let id = &self.wanted.id;
        let statement =
            format!("ALTER POLICY {} ON {}{}", identifier(&id.name), id.table_sql(), policy::rest(self.wanted));
        vec![Ok(self.step(Phase::Policy, statement))]
    }
}
