//! GetRandomPassword.

use rand::{Rng, seq::SliceRandom};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::local::{fault::Fault, members::decode, world::Ctx};

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    password_length: Option<usize>,
    exclude_characters: String,
    exclude_numbers: bool,
    exclude_punctuation: bool,
    exclude_uppercase: bool,
    exclude_lowercase: bool,
    include_space: bool,
    require_each_included_type: Option<bool>,
}

pub(super) fn get_random_password(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let length = input.password_length.unwrap_or(32);
    let classes = classes(&input);
    if classes.is_empty() {
        return Err(Fault::new(
            "InvalidParameterException",
            "Every character is excluded, so there is nothing to make a password of.",
        ));
    }
    let required = if input.require_each_included_type.unwrap_or(true) { classes.as_slice() } else { &[] };
    if length < required.len() {
        return Err(Fault::new(
            "InvalidParameterException",
            format!(
                "Password length {length} is too short for the required types. Increase PasswordLength to at least {}.",
                required.len()
            ),
        ));
    }
    let mut random = rand::rng();
    let mut pick = |from: &[char]| from[random.random_range(0..from.len())];
    let mut password: Vec<char> = required.iter().map(|class| pick(class)).collect();
    let all = classes.concat();
    while password.len() < length {
        password.push(pick(&all));
    }
    password.shuffle(&mut rand::rng());
    Ok(json!({ "RandomPassword": password.into_iter().collect::<String>() }))
}

/// The included types of characters, without the excluded ones; a type of which nothing is left drops out.
fn classes(input: &Input) -> Vec<Vec<char>> {
    [
        (LOWERCASE, !input.exclude_lowercase),
        (UPPERCASE, !input.exclude_uppercase),
        (NUMBERS, !input.exclude_numbers),
        (PUNCTUATION, !input.exclude_punctuation),
        (" ", input.include_space),
    ]
    .into_iter()
    .filter(|(_, included)| *included)
    .map(|(class, _)| class.chars().filter(|character| !input.exclude_characters.contains(*character)).collect())
    .filter(|class: &Vec<char>| !class.is_empty())
    .collect()
}
