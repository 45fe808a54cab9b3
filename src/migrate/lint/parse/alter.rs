//! ALTER TABLE and ALTER TYPE, action by action.

use squawk_parser::SyntaxKind as K;

use super::super::act::{Act, Constraint, Fill, Name, Object, Repeat, What};
use super::super::stable::NOT_VOLATILE;
use super::tree::{SyntaxNode, SyntaxToken};
use super::{Reader, child, child_deep, mentions, tokens};

pub(super) const RENAMED: &str =
    "PostgreSQL has no guard for it: put it in a DO block that looks first whether the old name is still there.";
const NAMELESS: &str = "Give the constraint a name (ADD CONSTRAINT name …): then a guard can look for it.";
const AMONG_OTHERS: &str = "Make it a statement of its own: then a guard can be put around it.";
const IDENTITY: &str =
    "PostgreSQL has no guard for it: put it in a DO block that looks first at attidentity in pg_attribute.";
const NO_GUARD: &str = "PostgreSQL has no guard for it: put it in a DO block that looks first whether it is done.";

impl Reader<'_> {
    pub(super) fn alter_table(self, node: &SyntaxNode) -> Vec<Act> {
        let Some(relation) = child(node, &[K::TABLE_RELATION_NAME]) else {
            return vec![self.act(node, What::Other, Repeat::Same)];
        };
        let Some(table) = self.table_of(&relation) else { return vec![self.act(node, What::Other, Repeat::Same)] };
        let actions: Vec<SyntaxNode> =
            node.children().filter(|child| ![K::TABLE_RELATION_NAME, K::IF_EXISTS].contains(&child.kind())).collect();
        let alone = actions.len() == 1 && child(node, &[K::IF_EXISTS]).is_none();
        let acts = actions.iter().flat_map(|action| {
            let inline = if action.kind() == K::ADD_COLUMN { self.inline(action, &table) } else { Vec::new() };
            std::iter::once(self.action(action, &table, alone)).chain(inline)
        });
        acts.collect()
    }

    /// The constraints that a new column comes with; they come and go with it.
    fn inline(self, action: &SyntaxNode, table: &Name) -> Vec<Act> {
        let filled = child(action, &[K::DEFAULT_CONSTRAINT, K::GENERATED_CONSTRAINT]).is_some();
        let acts = action.children().filter_map(|constraint| {
            let check = match constraint.kind() {
                K::REFERENCES_CONSTRAINT => Constraint::Foreign { to: self.table_of(&constraint)? },
                K::CHECK_CONSTRAINT => Constraint::Check { not_null: self.not_null(&constraint) },
                K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT => Constraint::Index,
                _ => return None,
            };
            let name = child(&constraint, &[K::CONSTRAINT_NAME_CLAUSE]);
            let name = name.and_then(|clause| child(&clause, &[K::CONSTRAINT_NAME])).map(|node| self.name(&node));
            // Where all rows have NULL for it, PostgreSQL looks at none.
            let deferred = matches!(check, Constraint::Foreign { .. }) && !filled;
            let what = What::AddConstraint { table: table.clone(), name, check, deferred, inline: true };
            Some(self.act(&constraint, what, Repeat::Same))
        });
        acts.collect()
    }

    fn action(self, action: &SyntaxNode, table: &Name, alone: bool) -> Act {
        let table = table.clone();
        let name = |kind| child(action, &[kind]).map(|node| self.name(&node));
        let guard = |text: &'static str| match child(action, &[K::IF_EXISTS, K::IF_NOT_EXISTS]) {
            Some(_) => Repeat::Same,
            None => self.insertion(action, text, NO_GUARD),
        };
        let (what, repeat) = match action.kind() {
            K::ADD_COLUMN => (self.added_column(action, table), guard(" IF NOT EXISTS")),
            K::DROP_COLUMN => {
                let what = name(K::COLUMN_NAME_REF).map(|column| What::DropColumn { table, column });
                (what.unwrap_or(What::Other), guard(" IF EXISTS"))
            }
            K::DROP_CONSTRAINT => {
                let what = name(K::CONSTRAINT_NAME_REF).map(|name| What::DropConstraint { table, name });
                (what.unwrap_or(What::Other), guard(" IF EXISTS"))
            }
            K::ADD_CONSTRAINT => self.constraint(action, table, alone),
            K::VALIDATE_CONSTRAINT => {
                let what = name(K::CONSTRAINT_NAME_REF).map(|name| What::Validate { table, name });
                (what.unwrap_or(What::Other), Repeat::Same)
            }
            K::ALTER_COLUMN => self.altered_column(action, table),
            K::RENAME_COLUMN => {
                let part = name(K::COLUMN_NAME_REF);
                (What::Rename { object: Object::Table, name: table, part }, Repeat::ByHand(RENAMED))
            }
            K::TABLE_RENAME_TO | K::SET_SCHEMA => {
                (What::Rename { object: Object::Table, name: table, part: None }, Repeat::ByHand(RENAMED))
            }
            K::RENAME_CONSTRAINT => {
                let what = name(K::CONSTRAINT_NAME_REF).map(|name| What::DropConstraint { table, name });
                (what.unwrap_or(What::Other), Repeat::ByHand(RENAMED))
            }
            K::SET_LOGGED | K::SET_UNLOGGED => (What::Rewrite { table, how: "SET LOGGED" }, Repeat::Same),
            K::SET_TABLESPACE => (What::Rewrite { table, how: "SET TABLESPACE" }, Repeat::Same),
            K::SET_ACCESS_METHOD => (What::Rewrite { table, how: "SET ACCESS METHOD" }, Repeat::Same),
            K::ATTACH_PARTITION | K::DETACH_PARTITION | K::INHERIT_TABLE | K::NO_INHERIT_TABLE => {
                (What::Other, Repeat::ByHand(NO_GUARD))
            }
            _ => (What::Other, Repeat::Same),
        };
        self.act(action, what, repeat)
    }

    fn added_column(self, action: &SyntaxNode, table: Name) -> What {
        let Some(column) = child(action, &[K::COLUMN_NAME]).map(|node| self.name(&node)) else { return What::Other };
        let kind = self.type_of(action);
        let serial = ["serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"].contains(&kind.as_str());
        let default = child(action, &[K::DEFAULT_CONSTRAINT]);
        let fill = if serial || child_deep(action, K::GENERATED_IDENTITY).is_some() {
            Fill::Each("a number from its sequence")
        } else if child_deep(action, K::GENERATED_STORED).is_some() {
            Fill::Each("a generated value")
        } else {
            default
                .as_ref()
                .map_or(Fill::Nothing, |default| if self.is_constant(default) { Fill::Constant } else { VOLATILE })
        };
        let required = child(action, &[K::NOT_NULL_CONSTRAINT, K::PRIMARY_KEY_CONSTRAINT]).is_some();
        let nothing =
            default.is_some_and(|default| tokens(&default).last().is_some_and(|last| last.kind() == K::NULL_KW));
        What::AddColumn { table, column, kind, required, fill: if nothing { Fill::Nothing } else { fill } }
    }

    /// Whether a default is computed once: literals, casts, operators, and functions known to be stable.
    fn is_constant(self, default: &SyntaxNode) -> bool {
        let mut calls = default.descendants().filter(|node| node.kind() == K::CALL_EXPR);
        calls.all(|call| {
            let name = call.first_child().map(|name| self.written(&name).to_lowercase()).unwrap_or_default();
            NOT_VOLATILE.contains(&name.trim_start_matches("pg_catalog."))
        })
    }

    fn constraint(self, action: &SyntaxNode, table: Name, alone: bool) -> (What, Repeat) {
        let Some(constraint) = action.first_child() else { return (What::Other, Repeat::ByHand(NO_GUARD)) };
        let clause = child(&constraint, &[K::CONSTRAINT_NAME_CLAUSE]);
        let name = clause.and_then(|clause| child(&clause, &[K::CONSTRAINT_NAME])).map(|node| self.name(&node));
        let check = match constraint.kind() {
            K::FOREIGN_KEY_CONSTRAINT => match child(&constraint, &[K::TABLE_NAME_REF]) {
                Some(to) => Constraint::Foreign { to: self.name(&to) },
                None => Constraint::Check { not_null: None },
            },
            K::CHECK_CONSTRAINT | K::NOT_NULL_CONSTRAINT => Constraint::Check { not_null: self.not_null(&constraint) },
            kind => match child(&constraint, &[K::USING_INDEX_NAME]) {
                Some(index) => {
                    let index = index.first_child().unwrap_or(index);
                    Constraint::UsingIndex { primary: kind == K::PRIMARY_KEY_CONSTRAINT, index: self.name(&index) }
                }
                None => Constraint::Index,
            },
        };
        let repeat = match &name {
            None => Repeat::ByHand(NAMELESS),
            Some(_) if !alone => Repeat::ByHand(AMONG_OTHERS),
            Some(name) => Repeat::UnlessConstraint { table: table.written.clone(), constraint: name.written.clone() },
        };
        let deferred = child(&constraint, &[K::NOT_VALID]).is_some();
        (What::AddConstraint { table, name, check, deferred, inline: false }, repeat)
    }

    /// `CHECK (column IS NOT NULL)`: of which column.
    fn not_null(self, constraint: &SyntaxNode) -> Option<Name> {
        let expression = child(constraint, &[K::BIN_EXPR])?;
        let words: Vec<_> = tokens(&expression).map(|token| token.kind()).collect();
        let ends = words.ends_with(&[K::IS_KW, K::NOT_KW, K::NULL_KW]);
        child(&expression, &[K::NAME_REF]).filter(|_| ends && words.len() == 4).map(|name| self.name(&name))
    }

    fn altered_column(self, action: &SyntaxNode, table: Name) -> (What, Repeat) {
        let Some(column) = child(action, &[K::COLUMN_NAME_REF]).map(|node| self.name(&node)) else {
            return (What::Other, Repeat::Same);
        };
        let Some(option) = action.children().find(|child| child.kind() != K::COLUMN_NAME_REF) else {
            return (What::Other, Repeat::Same);
        };
        let if_exists = || match mentions(&option, K::IF_KW) {
            true => Repeat::Same,
            false => self.insertion(&option, " IF EXISTS", NO_GUARD),
        };
        match option.kind() {
            K::SET_TYPE => {
                let kind = self.type_of(&option);
                let computed = self.computes(&option, &column, &kind);
                (What::SetType { table, column, kind, computed }, Repeat::Same)
            }
            K::SET_NOT_NULL => (What::SetNotNull { table, column }, Repeat::Same),
            K::ADD_GENERATED => (What::Other, Repeat::ByHand(IDENTITY)),
            K::DROP_IDENTITY | K::DROP_EXPRESSION => (What::Other, if_exists()),
            _ => (What::Other, Repeat::Same),
        }
    }

    /// Whether USING says more than the column, or the column as the new type.
    fn computes(self, option: &SyntaxNode, column: &Name, kind: &str) -> bool {
        let words: Vec<SyntaxToken> = tokens(option).collect();
        let Some(using) = words.iter().position(|word| word.kind() == K::USING_KW) else { return false };
        let Some((first, rest)) = words[using + 1..].split_first() else { return false };
        let cast: String = rest.iter().map(|word| word.text().to_lowercase()).collect();
        let kind: String = kind.split_whitespace().collect();
        !(Name::parse(first.text()).is(column) && (cast.is_empty() || cast == format!("::{kind}")))
    }

    pub(super) fn alter_type(self, node: &SyntaxNode) -> Vec<Act> {
        let of = child(node, &[K::TYPE_NAME_REF]).map(|node| self.name(&node));
        let action = node.children().find(|child| child.kind() != K::TYPE_NAME_REF);
        let (Some(of), Some(action)) = (of, action) else { return vec![self.act(node, What::Other, Repeat::Same)] };
        let act = match action.kind() {
            K::ADD_VALUE => {
                let guarded = child(&action, &[K::IF_NOT_EXISTS]).is_some();
                let value = child(&action, &[K::LITERAL]).map(|node| self.written(&node)).unwrap_or_default();
                let repeat = if guarded { Repeat::Same } else { self.insertion(&action, " IF NOT EXISTS", NO_GUARD) };
                self.act(node, What::AddValue { of, value }, repeat)
            }
            K::TYPE_RENAME_TO | K::SET_SCHEMA => {
                self.act(node, What::Rename { object: Object::Type, name: of, part: None }, Repeat::ByHand(RENAMED))
            }
            K::RENAME_VALUE | K::RENAME_ATTRIBUTE => self.act(node, What::Other, Repeat::ByHand(RENAMED)),
            K::ALTER_TYPE_ATTRIBUTE_ACTION_LIST => self.act(node, What::Other, Repeat::ByHand(NO_GUARD)),
            _ => self.act(node, What::Other, Repeat::Same),
        };
        vec![act]
    }
}

const VOLATILE: Fill = Fill::Each("a default that is computed for each row");
