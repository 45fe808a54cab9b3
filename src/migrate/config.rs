//! drizzle.config.* as far as its text shows what it sets. It is a program, and is not run: only what stands there as it is counts,
//! in the one object that it gives to drizzle-kit. Pure.

use std::iter::Peekable;
use std::str::CharIndices;

use super::ledger::Ledger;

/// The names that drizzle-kit looks for.
pub const NAMES: [&str; 4] = ["drizzle.config.ts", "drizzle.config.js", "drizzle.config.mjs", "drizzle.config.json"];

/// What a configuration seems to set; none of a value that is computed, or left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The folder of migrations.
    pub out: Option<String>,
    /// `migrations.schema`.
    pub schema: Option<String>,
    /// `migrations.table`.
    pub table: Option<String>,
}

impl Config {
    /// Of the text; none where it is of another kind of database, or not written as drizzle-kit's documentation has it.
    pub fn of(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let members = members(&tokens[object(&tokens)?..]);
        let string = |members: &[(&str, &[Token<'_>])], key: &str| {
            let found = members.iter().rfind(|(name, _)| *name == key)?.1;
            match found {
                [Token::Text(value)] => Some((*value).to_owned()),
                _ => None,
            }
        };
        if string(&members, "dialect").is_some_and(|dialect| dialect != "postgresql") {
            return None;
        }
        let ledger = members.iter().rfind(|(name, _)| *name == "migrations").map(|(_, value)| *value);
        let ledger = ledger.filter(|value| value.first() == Some(&Token::Sign('{'))).map(self::members);
        let of_ledger = |key: &str| string(ledger.as_deref().unwrap_or_default(), key);
        Some(Config { out: string(&members, "out"), schema: of_ledger("schema"), table: of_ledger("table") })
    }

    /// The ledger, where it seems to set one; what it leaves out is Drizzle's own.
    pub fn ledger(&self) -> Option<Ledger> {
        let standard = Ledger::default();
        (self.schema.is_some() || self.table.is_some()).then(|| Ledger {
            schema: self.schema.clone().unwrap_or(standard.schema),
            table: self.table.clone().unwrap_or(standard.table),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A string that stands there as it is, without its quotes.
    Text(&'a str),
    /// One with escapes or expressions in it: what it is, only running it would tell.
    Computed,
    Sign(char),
}

/// Where the object begins that drizzle-kit gets: the argument of defineConfig, or what is exported. None where several could be it.
fn object(tokens: &[Token<'_>]) -> Option<usize> {
    use Token::{Sign, Word};
    // JSON.
    if tokens.first() == Some(&Sign('{')) {
        return Some(0);
    }
    let begins = |before: &[Token<'_>]| {
        matches!(
            before,
            [.., Word("defineConfig"), Sign('(')]
                | [.., Word("export"), Word("default")]
                | [.., Word("module"), Sign('.'), Word("exports"), Sign('=')]
        )
    };
    let mut found = (0..tokens.len()).filter(|at| tokens[*at] == Sign('{') && begins(&tokens[..*at]));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The members `key: value` of the object that the tokens begin with. What else is in it is left out.
fn members<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<(&'a str, &'t [Token<'a>])> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0_usize, 1);
    for (at, token) in tokens.iter().enumerate() {
        let end = match token {
            Token::Sign('{' | '[' | '(') => {
                depth += 1;
                false
            }
            Token::Sign('}' | ']' | ')') => {
                depth -= 1;
                depth == 0
            }
            token => *token == Token::Sign(',') && depth == 1,
        };
        if end {
            if let [Token::Word(key) | Token::Text(key), Token::Sign(':'), value @ ..] = &tokens[start.min(at)..at] {
                found.push((*key, value));
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// None where a comment or a string does not end, or there are more brackets closed than opened.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let (mut found, mut depth) = (Vec::new(), 0_i32);
    let mut rest = text.char_indices().peekable();
    while let Some((at, letter)) = rest.next() {
        let next = text[at + letter.len_utf8()..].chars().next();
        match letter {
            '/' if next == Some('/') => while rest.next_if(|(_, it)| *it != '\n').is_some() {},
            '/' if next == Some('*') => {
                let end = at + 2 + text[at + 2..].find("*/")? + 2;
                while rest.next_if(|(at, _)| *at < end).is_some() {}
            }
            '\'' | '"' | '`' => found.push(string(text, letter, &mut rest)?),
            _ if letter.is_whitespace() => {}
            _ if is_word(letter) => {
                while rest.next_if(|(_, it)| is_word(*it)).is_some() {}
                let end = rest.peek().map_or(text.len(), |(end, _)| *end);
                found.push(Token::Word(&text[at..end]));
            }
            _ => {
                depth += i32::from("{[(".contains(letter)) - i32::from("}])".contains(letter));
                if depth < 0 {
                    return None;
                }
                found.push(Token::Sign(letter));
            }
        }
    }
    (depth == 0).then_some(found)
}

/// The rest of a string that begins with this quote.
fn string<'a>(text: &'a str, quote: char, rest: &mut Peekable<CharIndices<'a>>) -> Option<Token<'a>> {
    let start = rest.peek()?.0;
    let mut plain = true;
    while let Some((at, letter)) = rest.next() {
        match letter {
            _ if letter == quote => return Some(if plain { Token::Text(&text[start..at]) } else { Token::Computed }),
            '\\' => {
                plain = false;
                rest.next();
            }
            '\n' if quote != '`' => return None,
            '$' if quote == '`' => plain = false,
            _ => {}
        }
    }
    None
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn short(text: &str) -> String {
        let Some(Config { out, schema, table }) = Config::of(text) else { return "none".to_owned() };
        [out, schema, table].map(|it| it.unwrap_or_else(|| "-".to_owned())).join(" ")
    }

    #[test]
    fn what_stands_there_as_it_is() {
        let table = [
            (
                "import { defineConfig } from 'drizzle-kit';\nexport default defineConfig({ out: './m', dialect: 'postgresql', migrations: { schema: \"app\", table: `log` } });",
                "./m app log",
            ),
            ("export default { out: 'm', migrations: { table: 'log' } } satisfies Config;", "m - log"),
            ("module.exports = { migrations: { schema: 'app', }, };", "- app -"),
            (r#"{"out": "m", "dialect": "postgresql", "migrations": {"table": "log", "schema": "app"}}"#, "m app log"),
            // Comments say nothing; strings with such in them are strings.
            (
                "export default defineConfig({ // migrations: { table: 'no' },\n/* out: 'no', */ out: 'http://m', });",
                "http://m - -",
            ),
            // Of others, and of parts of it.
            ("const other = { migrations: { table: 'no' } };\nexport default defineConfig({ out: 'm' });", "m - -"),
            (
                "export default defineConfig({ out: 'm', dbCredentials: { migrations: { table: 'no' } }, x: [{ out: 'no' }] });",
                "m - -",
            ),
            // What only running it would tell.
            (
                "export default defineConfig({ out: process.env.OUT ?? 'm', migrations: { table: `${x}_log`, schema } });",
                "- - -",
            ),
            ("export default defineConfig({ out: 'a' + b, migrations: config.migrations });", "- - -"),
            ("export default defineConfig({ out: 'a\\x62' });", "- - -"),
            ("export default dev ? defineConfig({ out: 'a' }) : defineConfig({ out: 'b' });", "none"),
            ("export default defineConfig({ dialect: 'mysql', out: 'm', migrations: { table: 't' } });", "none"),
            ("export default config;", "none"),
            ("export default defineConfig({ out: 'm', pattern: /['\"]/ });", "none"),
            ("", "none"),
        ];
        for (text, expected) in table {
            assert_eq!(short(text), expected, "{text}");
        }
    }

    #[test]
    fn the_rest_of_a_ledger_is_drizzles() {
        let ledger = |text: &str| Config::of(text).and_then(|it| it.ledger()).map(|it| it.to_string());
        assert_eq!(ledger("export default { migrations: { table: 'log' } }").as_deref(), Some("drizzle.log"));
        assert_eq!(ledger("export default { out: 'm' }"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "((export default )|(defineConfig)|(out)|(migrations)|[{}(),:'\"`/*$\\\\\n é]){0,60}") {
            let _ = Config::of(&text);
        }
    }
}
