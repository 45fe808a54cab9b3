//! Policy documents: written in one form only, read in every form that IAM allows.
//! What has no place in a [`Statement`] is kept as its JSON text, so that it shows as a difference.

use serde_json::{Value, json};

use super::Statement;
use crate::{
    aws::Result,
    engine::{Ref, Scope},
};

/// The language's only current version.
const VERSION: &str = "2012-10-17";

/// The condition's key for the service through which a KMS key is used.
const VIA: &str = "kms:ViaService";

/// Who may assume a role.
pub(super) fn trust(services: &[String]) -> String {
    let statement =
        |service: &String| json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"});
    write(services.iter().map(statement).collect())
}

/// What a role may do.
pub(super) fn document(statements: &[Statement], scope: &Scope<'_>) -> Result<String> {
    let written = statements.iter().map(|statement| {
        let resources = Ref::get_all(&statement.resources, scope)?;
        let mut written = json!({"Effect": "Allow", "Action": statement.actions, "Resource": resources});
        if !statement.via.is_empty() {
            written["Condition"] = json!({"StringEquals": {VIA: statement.via}});
        }
        Ok(written)
    });
    Ok(write(written.collect::<Result<_>>()?))
}

fn write(statements: Vec<Value>) -> String {
    json!({"Version": VERSION, "Statement": statements}).to_string()
}

/// The services that a trust policy names.
pub(super) fn read_trust(document: &str) -> Vec<String> {
    let services = |statement: &Value| -> Option<Vec<String>> {
        let plain = members(statement, &["Sid", "Effect", "Principal", "Action"])
            && statement["Effect"] == "Allow"
            && texts(&statement["Action"])? == ["sts:AssumeRole"]
            && members(&statement["Principal"], &["Service"]);
        if plain { texts(&statement["Principal"]["Service"]) } else { None }
    };
    let read = |statement: &Value| services(statement).unwrap_or_else(|| vec![statement.to_string()]);
    statements(document).iter().flat_map(read).collect()
}

/// The statements of a policy.
pub(super) fn read(document: &str) -> Vec<Statement> {
    let plain = |statement: &Value| -> Option<Statement> {
        let known = members(statement, &["Sid", "Effect", "Action", "Resource", "Condition"]);
        let resources = texts(&statement["Resource"])?.into_iter().map(Ref::value).collect();
        let read = Statement { actions: texts(&statement["Action"])?, resources, via: via(&statement["Condition"])? };
        (known && statement["Effect"] == "Allow").then_some(read)
    };
    let other = |statement: &Value| Statement::new(&[&statement.to_string()], vec![]);
    statements(document).iter().map(|statement| plain(statement).unwrap_or_else(|| other(statement))).collect()
}

/// The services of the one condition that is ours; none where there is no condition.
fn via(condition: &Value) -> Option<Vec<String>> {
    if condition.is_null() {
        return Some(Vec::new());
    }
    let ours = members(condition, &["StringEquals"]) && members(&condition["StringEquals"], &[VIA]);
    texts(&condition["StringEquals"][VIA]).filter(|services| ours && !services.is_empty())
}

/// IAM percent-encodes documents in its answers (RFC 3986); what begins as JSON does is not encoded.
pub(super) fn decode(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        return text.to_owned();
    }
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// One statement stands alone or in a list; what is no JSON stands for itself.
fn statements(document: &str) -> Vec<Value> {
    match serde_json::from_str::<Value>(document) {
        Ok(mut value) => match value["Statement"].take() {
            Value::Array(statements) => statements,
            Value::Null => Vec::new(),
            statement => vec![statement],
        },
        Err(_) if document.is_empty() => Vec::new(),
        Err(_) => vec![Value::String(document.to_owned())],
    }
}

/// Whether `value` is an object with no other members than these.
fn members(value: &Value, known: &[&str]) -> bool {
    value.as_object().is_some_and(|object| object.keys().all(|key| known.contains(&key.as_str())))
}

/// One text or a list of texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Clients;

    fn scope_of(aws: &Clients) -> Scope<'_> {
        Scope::observing(aws, "shop", &[])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let aws = Clients::unreachable();
        let given = [
            Statement::new(
                &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                vec![Ref::value("arn:aws:secretsmanager:us-east-1:1:secret:shop-database-a+b")],
            ),
            Statement::decrypt(
                vec![Ref::value("arn:aws:kms:us-east-1:1:key/1")],
                vec!["secretsmanager.us-east-1.amazonaws.com".to_owned()],
            ),
        ];
        let back = read(&document(&given, &scope_of(&aws)).unwrap());
        assert_eq!(serde_json::to_value(back).unwrap(), serde_json::to_value(given).unwrap());
        let services = vec!["rds.amazonaws.com".to_owned(), "tasks.apprunner.amazonaws.com".to_owned()];
        assert_eq!(read_trust(&trust(&services)), services);
    }

    #[test]
    fn a_statement_alone_and_texts_alone_are_read() {
        let one = r#"{"Statement":{"Sid":"x","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
        let read = read(one);
        assert_eq!(
            (read[0].actions.as_slice(), read[0].resources[0].as_value()),
            (&["s3:GetObject".to_owned()][..], Some("*"))
        );
    }

    #[test]
    fn what_a_statement_cannot_say_stays_visible() {
        for (document, word) in [
            (r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#, "Deny"),
            (r#"{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}"#, "NotAction"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{}}]}"#, "Condition"),
            ("not json", "not json"),
        ] {
            assert!(read(document)[0].actions[0].contains(word), "{document}");
        }
        let anyone = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
        assert!(read_trust(anyone)[0].contains(r#""AWS":"*""#));
        assert!(read("").is_empty() && read("{}").is_empty());
    }

    #[test]
    fn documents_are_decoded() {
        let cases = [
            ("%7B%22Version%22%3A%222012-10-17%22%7D", r#"{"Version":"2012-10-17"}"#),
            ("a+b%2Bc%20d", "a+b+c d"),
            (r#"{"plain": "100%25"}"#, r#"{"plain": "100%25"}"#),
        ];
        for (encoded, decoded) in cases {
            assert_eq!(decode(encoded), decoded);
        }
    }
}
