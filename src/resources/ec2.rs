//! What the kinds of EC2 share: the filter by which they are listed.

use aws_sdk_ec2::types::Filter;

use crate::engine::{Scope, identity};

/// What belongs to the stack; or, where one resource is to be adopted, that one by the filter `id`.
pub(super) fn filter(scope: &Scope<'_>, id: &str) -> Filter {
    match scope.adopted() {
        Some(adopted) => Filter::builder().name(id).values(adopted).build(),
        None => Filter::builder().name(format!("tag:{}", identity::STACK)).values(scope.stack).build(),
    }
}
