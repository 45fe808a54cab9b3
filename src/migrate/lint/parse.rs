//! The parser's tree → what the statement does. Nothing else in infra knows the parser.

mod alter;
mod block;
mod create;
mod tree;

use std::ops::Range;

use squawk_parser::SyntaxKind;

use super::act::{Act, Name, Object, Repeat, What};
use crate::migrate::sql::{self, Kind};
use tree::{SyntaxNode, SyntaxToken};

/// Why a statement was not understood.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// What the parser said.
    pub(super) message: String,
    /// Where, in bytes of the file.
    pub(super) span: Range<usize>,
}

/// Up to this size the stack of [`super::lint`] is enough for whatever the statement holds.
const ALWAYS_FITS: usize = 48 * 1024;
/// Deeper nesting than anybody writes.
const DEEPEST: usize = 200;

/// What the statement does that begins at byte `at` of its file.
pub(super) fn acts(text: &str, at: usize) -> Result<Vec<Act>, Trouble> {
    if text.len() > ALWAYS_FITS && depth(text) > DEEPEST {
        let message = "it is too large and too deeply nested".to_owned();
        return Err(Trouble { message, span: at..at + text.len() });
    }
    let (root, trouble) = tree::parse(text);
    if let Some((byte, message)) = trouble {
        let byte = at + byte.min(text.len());
        return Err(Trouble { message: words(&message), span: byte..byte });
    }
    Ok(root.children().flat_map(|node| Reader { text, at }.statement(&node)).collect())
}

/// How deep brackets nest, and how many words follow each other without anything that ends an expression.
fn depth(text: &str) -> usize {
    let (mut brackets, mut run, mut deepest) = (0_usize, 0_usize, 0_usize);
    for token in sql::tokens(text) {
        match token.text(text) {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            word if token.kind == Kind::Literal || word == "," || word.starts_with(|c: char| c.is_ascii_digit()) => {
                run = 0
            }
            _ => run += 1,
        }
        deepest = deepest.max(brackets + run);
    }
    deepest
}

/// The parser's messages without the names of its own kinds: "expected TABLE_KW" is "expected TABLE".
fn words(message: &str) -> String {
    message.replace("_KW", "")
}

/// Reads the tree of one statement.
#[derive(Clone, Copy)]
struct Reader<'a> {
    text: &'a str,
    /// Where the text begins in the file.
    at: usize,
}

impl Reader<'_> {
    fn statement(self, node: &SyntaxNode) -> Vec<Act> {
        use SyntaxKind as K;
        match node.kind() {
            K::EMPTY_STMT => Vec::new(),
            K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE => self.alter_table(node),
            K::ALTER_TYPE => self.alter_type(node),
            K::DO => self.block(node),
            K::INSERT => vec![self.insert(node)],
            K::DELETE if child(node, &[K::WHERE_CLAUSE, K::USING_CLAUSE]).is_none() => self.emptied(node),
            K::TRUNCATE => self.emptied(node),
            K::SET | K::SET_ROLE | K::SET_SESSION_AUTH | K::RESET | K::RESET_ROLE | K::RESET_SESSION_AUTH => {
                vec![self.setting(node)]
            }
            K::SELECT => vec![self.select(node)],
            K::CLUSTER => self.table_of(node).map_or_else(Vec::new, |table| {
                vec![self.act(node, What::Rewrite { table, how: "CLUSTER" }, Repeat::Same)]
            }),
            K::REINDEX => self.reindex(node),
            kind => match format!("{kind:?}").split_once('_').map_or("", |(verb, _)| verb) {
                "CREATE" => vec![self.create(node)],
                "DROP" => vec![self.drop(node)],
                "ALTER" => self.alter_other(node),
                _ => vec![self.act(node, What::Other, Repeat::Same)],
            },
        }
    }

    fn act(self, node: &SyntaxNode, what: What, repeat: Repeat) -> Act {
        let whole = self.span(node);
        Act { what, span: whole.clone(), whole, repeat }
    }

    /// Where the node is in the file, without blanks and comments at its ends.
    fn span(self, node: &SyntaxNode) -> Range<usize> {
        let words: Vec<SyntaxToken> = tokens(node).filter(|token| token.kind() != SyntaxKind::SEMICOLON).collect();
        match (words.first(), words.last()) {
            (Some(first), Some(last)) => {
                self.at + usize::from(first.text_range().start())..self.at + usize::from(last.text_range().end())
            }
            _ => self.at..self.at,
        }
    }

    /// As it is written, between its first word and its last.
    fn written(self, node: &SyntaxNode) -> String {
        let span = self.span(node);
        self.text[span.start - self.at..span.end - self.at].to_owned()
    }

    fn name(self, node: &SyntaxNode) -> Name {
        Name::parse(&self.written(node))
    }

    /// The first table, view or other relation that is named in the node.
    fn table_of(self, node: &SyntaxNode) -> Option<Name> {
        use SyntaxKind::{RELATION_NAME_REF, TABLE_NAME, TABLE_NAME_REF};
        let found =
            node.descendants().find(|node| [RELATION_NAME_REF, TABLE_NAME, TABLE_NAME_REF].contains(&node.kind()));
        found.map(|node| self.name(&node))
    }

    fn insert(self, node: &SyntaxNode) -> Act {
        use SyntaxKind as K;
        let guarded = child(node, &[K::ON_CONFLICT_CLAUSE]).is_some()
            || node.descendants().any(|inner| inner.kind() == K::WHERE_CLAUSE && mentions(&inner, K::EXISTS_KW));
        let repeat = if guarded { Repeat::Same } else { Repeat::ByHand("") };
        let table = child(node, &[K::RELATION_NAME_REF]).map(|node| self.name(&node));
        self.act(node, table.map_or(What::Other, |table| What::Insert { table }), repeat)
    }

    fn emptied(self, node: &SyntaxNode) -> Vec<Act> {
        use SyntaxKind::{RELATION_NAME_REF, TABLE_NAME_REF};
        let mut tables = node.descendants().filter(|node| [RELATION_NAME_REF, TABLE_NAME_REF].contains(&node.kind()));
        let limit = if node.kind() == SyntaxKind::DELETE { 1 } else { usize::MAX };
        let acts = tables.by_ref().take(limit);
        acts.map(|table| self.act(node, What::Empty { table: self.name(&table) }, Repeat::Same)).collect()
    }

    fn setting(self, node: &SyntaxNode) -> Act {
        use SyntaxKind as K;
        let parameter = || child_deep(node, K::CONFIG_PARAMETER_REF).map(|node| self.written(&node).to_lowercase());
        let what = match node.kind() {
            _ if mentions(node, K::LOCAL_KW) => What::Other,
            K::RESET => What::Reset { setting: parameter() },
            K::RESET_ROLE => What::Reset { setting: Some("role".into()) },
            K::RESET_SESSION_AUTH => What::Reset { setting: Some("session authorization".into()) },
            K::SET_ROLE => What::Set { setting: "role".into() },
            K::SET_SESSION_AUTH => What::Set { setting: "session authorization".into() },
            _ => What::Set { setting: parameter().unwrap_or_else(|| "a setting".to_owned()) },
        };
        self.act(node, what, Repeat::Same)
    }

    /// `SELECT set_config('name', …, false)` is a SET.
    fn select(self, node: &SyntaxNode) -> Act {
        let calls = node.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR);
        let mut settings = calls.filter_map(|call| {
            let words: Vec<String> = tokens(&call).map(|token| token.text().to_lowercase()).collect();
            let lasts = words.len() > 2 && words[words.len() - 2] == "false";
            let setting = words.iter().find_map(|word| word.strip_prefix('\'')?.strip_suffix('\''));
            let name = words.iter().position(|word| word == "set_config").filter(|place| *place <= 2);
            name.filter(|_| lasts).and(setting.map(str::to_owned))
        });
        let what = settings.next().map_or(What::Other, |setting| What::Set { setting });
        self.act(node, what, Repeat::Same)
    }

    fn reindex(self, node: &SyntaxNode) -> Vec<Act> {
        let index = || child_deep(node, SyntaxKind::INDEX_REF).map(|node| self.name(&node));
        let table = self.table_of(node).or_else(index);
        let table = table.filter(|_| !mentions(node, SyntaxKind::CONCURRENTLY_KW));
        let what = table.map_or(What::Other, |table| What::Rewrite { table, how: "REINDEX" });
        vec![self.act(node, what, Repeat::Same)]
    }

    /// ALTER of anything but a table or a type: what matters is a new name.
    fn alter_other(self, node: &SyntaxNode) -> Vec<Act> {
        let renamed = node.children().find(|node| format!("{:?}", node.kind()).ends_with("RENAME_TO"));
        let moved = child(node, &[SyntaxKind::SET_SCHEMA]);
        let Some(change) = renamed.or(moved) else { return vec![self.act(node, What::Other, Repeat::Same)] };
        let object = match node.kind() {
            SyntaxKind::ALTER_VIEW | SyntaxKind::ALTER_MATERIALIZED_VIEW => Object::View,
            SyntaxKind::ALTER_INDEX => Object::Index,
            SyntaxKind::ALTER_SEQUENCE => Object::Sequence,
            SyntaxKind::ALTER_SCHEMA => Object::Schema,
            _ => Object::Other("object"),
        };
        let what = match node.children().find(|inner| *inner != change) {
            Some(name) => What::Rename { object, name: self.name(&name), part: None },
            None => What::Other,
        };
        vec![self.act(node, what, Repeat::ByHand(alter::RENAMED))]
    }
}

/// The words of a node, without blanks and comments.
fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    let all = node.descendants_with_tokens().filter_map(|element| element.into_token());
    all.filter(|token| ![SyntaxKind::WHITESPACE, SyntaxKind::COMMENT].contains(&token.kind()))
}

/// The first child of one of these kinds.
fn child(node: &SyntaxNode, kinds: &[SyntaxKind]) -> Option<SyntaxNode> {
    node.children().find(|child| kinds.contains(&child.kind()))
}

fn child_deep(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.descendants().find(|child| child.kind() == kind)
}

/// Whether the keyword is in the node.
fn mentions(node: &SyntaxNode, keyword: SyntaxKind) -> bool {
    tokens(node).any(|token| token.kind() == keyword)
}
