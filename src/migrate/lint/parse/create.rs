//! CREATE and DROP: what is made or taken away, and where its guard would go.

use squawk_parser::{SyntaxKind, SyntaxKind as K};

use super::super::act::{Act, Column, Name, Object, Repeat, What};
use super::tree::{SyntaxElement, SyntaxNode, SyntaxToken};
use super::{Reader, child, mentions, tokens};

/// How PostgreSQL lets a CREATE be written so that it can run twice.
#[derive(Clone, Copy)]
enum Guard {
    IfNotExists,
    OrReplace,
    Catch,
    None(&'static str),
}

const NO_GUARD: &str = "PostgreSQL has no guard for it: put it in a DO block that looks first whether it is there.";

/// What can be created, and the node that holds its name.
fn creation(kind: SyntaxKind) -> (Object, Guard) {
    use Guard::{Catch, IfNotExists, OrReplace};
    match kind {
        K::CREATE_TABLE | K::CREATE_TABLE_AS | K::CREATE_FOREIGN_TABLE => (Object::Table, IfNotExists),
        K::CREATE_INDEX => (Object::Index, IfNotExists),
        K::CREATE_SEQUENCE => (Object::Sequence, IfNotExists),
        K::CREATE_MATERIALIZED_VIEW => (Object::View, IfNotExists),
        K::CREATE_SCHEMA => (Object::Schema, IfNotExists),
        K::CREATE_EXTENSION => (Object::Other("extension"), IfNotExists),
        K::CREATE_COLLATION => (Object::Other("collation"), IfNotExists),
        K::CREATE_STATISTICS => (Object::Other("statistics object"), IfNotExists),
        K::CREATE_SERVER => (Object::Other("server"), IfNotExists),
        K::CREATE_VIEW => (Object::View, OrReplace),
        K::CREATE_FUNCTION => (Object::Other("function"), OrReplace),
        K::CREATE_PROCEDURE => (Object::Other("procedure"), OrReplace),
        K::CREATE_AGGREGATE => (Object::Other("aggregate"), OrReplace),
        K::CREATE_RULE => (Object::Other("rule"), OrReplace),
        K::CREATE_TRIGGER => (Object::Trigger, OrReplace),
        K::CREATE_TYPE | K::CREATE_DOMAIN => (Object::Type, Catch),
        K::CREATE_POLICY => (Object::Policy, Catch),
        K::CREATE_ROLE | K::CREATE_USER | K::CREATE_GROUP => (Object::Other("role"), Catch),
        K::CREATE_PUBLICATION => (Object::Other("publication"), Catch),
        _ => (Object::Other("object"), Guard::None(NO_GUARD)),
    }
}

impl Reader<'_> {
    pub(super) fn create(self, node: &SyntaxNode) -> Act {
        let (object, guard) = creation(node.kind());
        if is_temporary(node) {
            // Gone with the session, which is a new one the second time.
            return self.act(node, What::Other, Repeat::Same);
        }
        let what = match node.kind() {
            K::CREATE_SCHEMA => What::Create { object, name: self.schema(node), on: None },
            K::CREATE_INDEX => self.index(node),
            K::CREATE_TABLE | K::CREATE_TABLE_AS | K::CREATE_FOREIGN_TABLE => self.table(node),
            _ => What::Create { object, name: self.created(node), on: self.target(node) },
        };
        let repeat = self.guarded(node, &what, guard);
        Act { span: self.head(node), ..self.act(node, what, repeat) }
    }

    /// From the first word to the name: what to point at.
    fn head(self, node: &SyntaxNode) -> std::ops::Range<usize> {
        let whole = self.span(node);
        match name_of(node).map(|name| self.span(&name)) {
            Some(name) => whole.start..name.end,
            None => whole,
        }
    }

    /// `name`, `name AUTHORIZATION role` or `AUTHORIZATION role`, where the role's name is the schema's.
    fn schema(self, node: &SyntaxNode) -> Option<Name> {
        let named = child(node, &[K::NAMED_SCHEMA, K::AUTHORIZATION_SCHEMA])?;
        named.first_child().map(|name| self.name(&name))
    }

    fn created(self, node: &SyntaxNode) -> Option<Name> {
        name_of(node).map(|name| self.name(&name))
    }

    /// The table of a policy, trigger or rule.
    fn target(self, node: &SyntaxNode) -> Option<Name> {
        let on = child(node, &[K::ON_TABLE, K::ON_RELATION, K::RULE_ON])?;
        self.table_of(&on)
    }

    fn index(self, node: &SyntaxNode) -> What {
        let name = child(node, &[K::INDEX]).map(|name| self.name(&name));
        match child(node, &[K::TABLE_RELATION_NAME]).and_then(|node| self.table_of(&node)) {
            Some(table) => What::CreateIndex {
                name,
                table,
                columns: self.indexed(node),
                concurrently: mentions(node, K::CONCURRENTLY_KW),
            },
            None => What::Other,
        }
    }

    /// The columns of an index; none where one is an expression.
    fn indexed(self, node: &SyntaxNode) -> Vec<Name> {
        let items = child(node, &[K::PARTITION_ITEM_LIST]);
        let items = items.iter().flat_map(SyntaxNode::children).filter(|item| item.kind() == K::PARTITION_ITEM);
        let names = items.map(|item| child(&item, &[K::NAME_REF]).map(|name| self.name(&name)));
        names.collect::<Option<Vec<Name>>>().unwrap_or_default()
    }

    fn table(self, node: &SyntaxNode) -> What {
        let Some(name) = self.created(node) else { return What::Other };
        let list = child(node, &[K::TABLE_ARG_LIST]);
        let columns = list.iter().flat_map(SyntaxNode::children).filter(|child| child.kind() == K::COLUMN);
        let columns = columns.filter_map(|column| {
            let name = child(&column, &[K::COLUMN_NAME])?;
            let required = child(&column, &[K::NOT_NULL_CONSTRAINT, K::PRIMARY_KEY_CONSTRAINT]).is_some();
            Some(Column { name: self.name(&name), kind: self.type_of(&column), required })
        });
        What::CreateTable { name, columns: columns.collect() }
    }

    /// The type in a column's definition, in lower case.
    pub(super) fn type_of(self, node: &SyntaxNode) -> String {
        let kind = node.children().find(|child| format!("{:?}", child.kind()).ends_with("_TYPE"));
        kind.map_or(String::new(), |kind| self.written(&kind).to_lowercase())
    }

    fn guarded(self, node: &SyntaxNode, what: &What, guard: Guard) -> Repeat {
        if child(node, &[K::IF_NOT_EXISTS, K::OR_REPLACE]).is_some() {
            return Repeat::Same;
        }
        match guard {
            Guard::IfNotExists if matches!(what, What::CreateIndex { name: None, .. }) => Repeat::ByHand(
                "Give the index a name and write IF NOT EXISTS: without a name, the second run makes a second index.",
            ),
            Guard::IfNotExists => self.insertion(node, " IF NOT EXISTS", NO_GUARD),
            Guard::OrReplace if mentions_constraint(node) => {
                Repeat::ByHand("A constraint trigger cannot be replaced: write DROP TRIGGER IF EXISTS before it.")
            }
            Guard::OrReplace => match tokens(node).next() {
                Some(create) => Repeat::Insert(self.after(&create), " OR REPLACE"),
                None => Repeat::ByHand(NO_GUARD),
            },
            Guard::Catch => Repeat::Catch,
            Guard::None(advice) => Repeat::ByHand(advice),
        }
    }

    pub(super) fn drop(self, node: &SyntaxNode) -> Act {
        let object = match node.kind() {
            K::DROP_TABLE | K::DROP_FOREIGN_TABLE => Object::Table,
            K::DROP_VIEW | K::DROP_MATERIALIZED_VIEW => Object::View,
            K::DROP_INDEX => Object::Index,
            K::DROP_SEQUENCE => Object::Sequence,
            K::DROP_TYPE | K::DROP_DOMAIN => Object::Type,
            K::DROP_SCHEMA => Object::Schema,
            K::DROP_POLICY => Object::Policy,
            K::DROP_TRIGGER => Object::Trigger,
            _ => Object::Other("object"),
        };
        let names = node.children().filter(|child| format!("{:?}", child.kind()).ends_with("_REF"));
        let names = names.map(|name| self.name(&name)).collect();
        let repeat = match node.kind() {
            _ if node.kind() == K::DROP_OWNED || child(node, &[K::IF_EXISTS]).is_some() => Repeat::Same,
            _ => self.insertion(node, " IF EXISTS", NO_GUARD),
        };
        let (cascade, concurrently) = (mentions(node, K::CASCADE_KW), mentions(node, K::CONCURRENTLY_KW));
        self.act(node, What::Drop { object, names, cascade, concurrently }, repeat)
    }

    /// A guard after the words that say what kind of object it is; by hand where PostgreSQL takes none there.
    pub(super) fn insertion(self, node: &SyntaxNode, guard: &'static str, advice: &'static str) -> Repeat {
        let Some(keyword) = last_keyword(node) else { return Repeat::ByHand(advice) };
        let at = self.after(&keyword);
        let statement = format!("{}{guard}{}", &self.text[..at - self.at], &self.text[at - self.at..]);
        match super::tree::parse(&statement) {
            (root, None) if root.children().count() == 1 => Repeat::Insert(at, guard),
            // CREATE SCHEMA with what is in it, above all: what follows would be a statement of its own.
            _ => Repeat::ByHand(advice),
        }
    }

    /// The byte of the file after a word.
    pub(super) fn after(self, token: &SyntaxToken) -> usize {
        self.at + usize::from(token.text_range().end())
    }
}

const BEFORE_THE_NAME: &[SyntaxKind] = &[K::IF_NOT_EXISTS, K::IF_EXISTS, K::OR_REPLACE, K::UNLOGGED];

/// The first child that is not a part of the command's own words.
fn name_of(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.children().find(|child| !BEFORE_THE_NAME.contains(&child.kind()))
}

/// The last of the words that say what it is about, before its name or what stands for one: a guard goes after it.
fn last_keyword(node: &SyntaxNode) -> Option<SyntaxToken> {
    let blank = |element: &SyntaxElement| [K::WHITESPACE, K::COMMENT].contains(&element.kind());
    let words = node.children_with_tokens().filter(|element| !blank(element) && element.kind() != K::UNLOGGED);
    let own = words
        .map_while(|element| element.into_token())
        .take_while(|word| ![K::FOR_KW, K::L_PAREN].contains(&word.kind()));
    own.last()
}

fn is_temporary(node: &SyntaxNode) -> bool {
    tokens(node).take(5).any(|token| ["temp", "temporary"].contains(&token.text().to_lowercase().as_str()))
}

fn mentions_constraint(node: &SyntaxNode) -> bool {
    tokens(node).nth(1).is_some_and(|token| token.kind() == K::CONSTRAINT_KW)
}
