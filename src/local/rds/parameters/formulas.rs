//! AWS's own language for the values of numeric parameters, e.g. `LEAST({DBInstanceClassMemory/9531392},5000)`.
//!
//! Variables and operators stand in braces or within `log`; a function's arguments are integers, formulas in braces, and
//! functions. Names are told apart by their case.

/// What a formula comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Formula {
    Number(i64),
    /// It depends on the instance's class, or on what an instance is.
    Unknown,
}

/// The text is no formula.
#[derive(Debug)]
struct Malformed;

const VARIABLES: &[&str] =
    &["AllocatedStorage", "DBInstanceClassMemory", "DBInstanceVCPU", "EndPointPort", "TrueIfReplica"];

/// How deep formulas may stand in each other.
const DEPTH: usize = 16;

/// What the formula comes to; `None` where it is none, as a plain number is none.
pub(super) fn parse(text: &str) -> Option<Formula> {
    let mut reader = Reader { rest: text, depth: 0 };
    let begins = text.starts_with('{') || text.starts_with(|letter: char| letter.is_ascii_uppercase());
    let value = reader.operand(false).ok().filter(|_| begins && reader.rest.is_empty())?;
    Some(value.map_or(Formula::Unknown, Formula::Number))
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

/// A number, or `None` where it depends on the machine.
type Value = Result<Option<i64>, Malformed>;

impl<'a> Reader<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn eat(&mut self, token: char) -> bool {
        self.skip_spaces();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: char) -> Result<(), Malformed> {
        if self.eat(token) { Ok(()) } else { Err(Malformed) }
    }

    /// The longest beginning of such characters.
    fn take(&mut self, is_part: fn(char) -> bool) -> &'a str {
        self.skip_spaces();
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// What is between braces: operands that are multiplied and divided.
    fn product(&mut self) -> Value {
        let mut value = self.operand(true)?;
        loop {
            let combine: fn(i64, i64) -> Option<i64> = match () {
                () if self.eat('*') => i64::checked_mul,
                () if self.eat('/') => i64::checked_div,
                () => return Ok(value),
            };
            let next = self.operand(true)?;
            value = match (value, next) {
                (Some(left), Some(right)) => Some(combine(left, right).ok_or(Malformed)?),
                _ => None,
            };
        }
    }

    /// `bare`: whether a variable may stand here.
    fn operand(&mut self, bare: bool) -> Value {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Malformed);
        }
        let value = self.read_operand(bare);
        self.depth -= 1;
        value
    }

    fn read_operand(&mut self, bare: bool) -> Value {
        if self.eat('{') {
            let value = self.product()?;
            return self.expect('}').map(|()| value);
        }
        let negative = self.eat('-');
        let digits = self.take(|letter| letter.is_ascii_digit());
        if negative || !digits.is_empty() {
            let number: i64 = digits.parse().map_err(|_| Malformed)?;
            return Ok(Some(if negative { -number } else { number }));
        }
        let name = self.take(|letter| letter.is_ascii_alphabetic());
        if !self.eat('(') {
            return if bare && VARIABLES.contains(&name) { Ok(None) } else { Err(Malformed) };
        }
        let mut arguments = Vec::new();
        loop {
            arguments.push(if bare || name == "log" { self.product()? } else { self.operand(false)? });
            if !self.eat(',') {
                break;
            }
        }
        self.expect(')')?;
        call(name, &arguments, bare)
    }
}

fn call(name: &str, arguments: &[Option<i64>], bare: bool) -> Value {
    let known: Option<Vec<i64>> = arguments.iter().copied().collect();
    match (name, arguments) {
        ("GREATEST", _) => Ok(known.and_then(|all| all.into_iter().max())),
        ("LEAST", _) => Ok(known.and_then(|all| all.into_iter().min())),
        ("SUM", _) => {
            let Some(all) = known else { return Ok(None) };
            all.into_iter().try_fold(0_i64, i64::checked_add).map(Some).ok_or(Malformed)
        }
        ("IF", [condition, then, otherwise]) => Ok(condition.and_then(|it| if it == 0 { *otherwise } else { *then })),
        // To the base of 2, and whole.
        ("log", [Some(number)]) if bare => number.checked_ilog2().map(|log| Some(i64::from(log))).ok_or(Malformed),
        ("log", [None]) if bare => Ok(None),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_told_from_other_text() {
        for (text, value) in [
            ("LEAST({DBInstanceClassMemory/9531392},5000)", Some(Formula::Unknown)),
            ("GREATEST({log(DBInstanceClassMemory/8187281418)*1000},2000)", Some(Formula::Unknown)),
            ("SUM({DBInstanceClassMemory/12038},-50003)", Some(Formula::Unknown)),
            ("GREATEST({DBInstanceClassMemory*1024/63963136},65536)", Some(Formula::Unknown)),
            ("IF({TrueIfReplica}, 0, 1)", Some(Formula::Unknown)),
            ("{DBInstanceVCPU*2}", Some(Formula::Unknown)),
            ("{EndPointPort}", Some(Formula::Unknown)),
            ("LEAST(7, GREATEST(2,{3*4}))", Some(Formula::Number(7))),
            ("{log(1024)*{7/2}}", Some(Formula::Number(30))),
            ("SUM(1,-5)", Some(Formula::Number(-4))),
            ("IF(1,{8/2},9)", Some(Formula::Number(4))),
            ("100", None),
            ("", None),
            ("{}", None),
            ("{1/0}", None),
            ("{9223372036854775807*2}", None),
            ("SUM(9223372036854775807,1)", None),
            ("{log(0)}", None),
            ("LEAST()", None),
            ("LEAST(1,,2)", None),
            ("LEAST(1,2", None),
            ("LEAST(1,2) ", None),
            ("least(1,2)", None),
            ("LEAST(DBInstanceClassMemory,2)", None),
            ("{dbinstanceclassmemory}", None),
            ("{DBInstanceClassMemory+1}", None),
            ("{DBInstanceClassMemory}5", None),
            ("{DBInstanceClassMemory\n/2}", None),
            ("IF(1,2)", None),
            ("DBInstanceVCPU", None),
        ] {
            assert_eq!(parse(text), value, "{text:?}");
        }
        assert_eq!(parse(&"{".repeat(100_000)), None, "no depth is too much");
    }

    #[test]
    fn every_default_that_looks_like_one_is_one() {
        let defaults = crate::local::rds::parameters::PARAMETERS.iter().filter_map(|parameter| parameter.default);
        for text in defaults.filter(|text| text.contains('{')) {
            assert_eq!(parse(text), Some(Formula::Unknown), "{text}");
        }
    }
}
