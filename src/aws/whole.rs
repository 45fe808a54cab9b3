//! Answers that are cut off: of an XML document the SDK takes what came before the cut for all of it.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// The answer has no end.
#[derive(Debug, thiserror::Error)]
#[error("it is cut off")]
struct CutOff;

/// Believes no answer that lacks the end of its root element. What was asked may have been done.
#[derive(Debug, Clone)]
pub(super) struct Whole;

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        if is_cut_off(body) { Err(CutOff.into()) } else { Ok(()) }
    }
}

fn is_cut_off(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body).map(str::trim) else { return false };
    if !text.starts_with('<') {
        return false;
    }
    // The prolog and comments begin otherwise.
    let mut tags = text.split('<').filter(|tag| tag.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    let Some(root) = tags.next() else { return true };
    let name = root.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().unwrap_or_default();
    let is_empty = root.trim_end().ends_with("/>") && tags.next().is_none();
    !is_empty && !text.ends_with(&format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_with_its_root() {
        let whole = r#"<?xml version="1.0"?><!-- c --><A xmlns="x"><b>1</b><A/></A>"#;
        assert!(!is_cut_off(whole.as_bytes()));
        let body = whole.find("<A").unwrap();
        for end in body + 2..whole.len() {
            assert!(is_cut_off(&whole.as_bytes()[..end]), "{}", &whole[..end]);
        }
        for other in ["", "{}", "{\"a\":", "<A/>", "<A/>\n", "<a:B>x</a:B>\n"] {
            assert!(!is_cut_off(other.as_bytes()), "{other}");
        }
        assert!(is_cut_off(b"<?xml version=\"1.0\"?>"));
    }
}
