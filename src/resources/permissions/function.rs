//! The part of the policy for the function that applies the migrations.

use super::{ABSENT, Scope, Statement};
use crate::resources::function::Function;

const CHANGE: &[&str] = &[
    "lambda:DeleteFunction",
    "lambda:InvokeFunction",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
];

pub(super) fn statements(scope: &Scope<'_>) -> Vec<Statement> {
    let arn = |name: &str| scope.arn("lambda", &format!("function:{name}"));
    let named: Vec<String> = scope.all().map(|function: &Function| arn(&function.name)).collect();
    if named.is_empty() {
        return Vec::new();
    }
    vec![
        // A list of everything, which AWS cannot scope, and a look at what begins with the stack's name.
        Statement::new("FunctionList", &["lambda:ListFunctions"]).on(["*".to_owned()]),
        Statement::new("FunctionLook", &["lambda:GetFunction"]).on([arn(&format!("{}-*", scope.name))]),
        Statement::new("FunctionMake", &["lambda:CreateFunction"]).on(named.clone()).when(scope.becomes_ours()),
        Statement::new("FunctionTag", &["lambda:TagResource"])
            .on(named.clone())
            .when(scope.becomes_ours())
            .compared(ABSENT, scope.is_nobodys()),
        Statement::new("FunctionChange", CHANGE).on(named).when(scope.is_ours()),
    ]
}
