//! A stack's name is at most 20 characters so that every name made from it fits AWS's limits.

use super::load_text;
use crate::resources::{expand::expand, facts::Facts};

#[test]
fn names_made_from_the_longest_stack_fit() {
    let image = "123456789012.dkr.ecr.ap-southeast-7.amazonaws.com/web:1";
    let text = format!(
        "stack: a-name-of-twenty-chr\ndatabase: {{readers: 15}}\nproxy: {{}}\nservice: {{image: \"{image}\"}}\n"
    );
    let stack = load_text(&text).unwrap_or_else(|invalid| panic!("{invalid}")).description;
    assert_eq!(stack.stack.as_str().len(), 20);
    let facts = Facts {
        region: "ap-southeast-7".to_owned(),
        partition: "aws-us-gov".to_owned(),
        account: "123456789012".to_owned(),
        zones: vec!["ap-southeast-7a".to_owned(), "ap-southeast-7b".to_owned()],
        engine_version: "15.17".to_owned(),
        ..Facts::default()
    };
    let mut seen = 0;
    for desired in expand(&stack, &facts).unwrap() {
        let Some(name) = desired.attributes.get("name").and_then(|name| name.as_str()) else { continue };
        // The narrowest of AWS's limits: auto scaling configurations 32; App Runner services and connectors 40; RDS 63; roles 64.
        let most = match desired.kind {
            "auto-scaling" => 32,
            "service" | "vpc-connector" => 40,
            "role" => 64,
            _ => 63,
        };
        assert!(name.len() <= most, "{} {name} has {} characters, {most} are allowed", desired.kind, name.len());
        seen += 1;
    }
    assert!(seen > 5, "only {seen} resources have a name");
}
