//! The parser's events → a tree that keeps every byte. (squawk-syntax does the same, and brings typed nodes that are not needed.)

use rowan::{GreenNodeBuilder, Language};
use squawk_parser::{EntryPoint, LexedStr, StrStep, SyntaxKind};

/// PostgreSQL's kinds of nodes and tokens, for rowan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Postgres {}

impl Language for Postgres {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        SyntaxKind::from(raw.0)
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        rowan::SyntaxKind(kind.into())
    }
}

pub(super) type SyntaxNode = rowan::SyntaxNode<Postgres>;
pub(super) type SyntaxElement = rowan::SyntaxElement<Postgres>;
pub(super) type SyntaxToken = rowan::SyntaxToken<Postgres>;

/// The tree, and the first thing that the parser did not understand, with its byte.
pub(super) fn parse(text: &str) -> (SyntaxNode, Option<(usize, String)>) {
    let lexed = LexedStr::new(text);
    let output = EntryPoint::SourceFile.parse(&lexed.to_input());
    let mut builder = GreenNodeBuilder::new();
    let mut errors: Vec<(usize, String)> =
        lexed.errors().map(|(range, message)| (range.start as usize, message.to_owned())).collect();
    lexed.intersperse_trivia(&output, &mut |step| match step {
        StrStep::Token { kind, text } => builder.token(Postgres::kind_to_raw(kind), text),
        StrStep::Enter { kind } => builder.start_node(Postgres::kind_to_raw(kind)),
        StrStep::Exit => builder.finish_node(),
        StrStep::Error { msg, pos } => errors.push((pos, msg.to_owned())),
    });
    (SyntaxNode::new_root(builder.finish()), errors.into_iter().min_by_key(|(byte, _)| *byte))
}
