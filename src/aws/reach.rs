//! Who was called in vain: the HTTP client's errors name neither the host nor the proxy that was to lead to it.

use std::net::Ipv4Addr;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::error::{no_way, root};

/// The request did not leave: there is no way to the host.
#[derive(Debug, thiserror::Error)]
#[error("{way}: {cause}.")]
pub(super) struct Unreached {
    way: String,
    cause: String,
    is_here: bool,
}

impl Unreached {
    /// What helps where the endpoint was to be on this machine: most often it is the local cloud.
    pub(super) fn advice(&self) -> Option<String> {
        let text = "If that was the local cloud, it no longer runs: `infra local start`, or the same command with --local, starts it again.";
        self.is_here.then(|| text.to_owned())
    }
}

/// Names the host, and the proxy where the environment has one for it, in the error of a request that did not leave.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Whether the environment's proxies are used.
    pub(super) by_proxy: bool,
}

/// Where a request goes: once it was sent the context has it no more.
#[derive(Debug)]
struct Target(Uri);

impl Storable for Target {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Reach {
    fn name(&self) -> &'static str {
        "Reach"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(uri) = context.request().uri().parse() {
            config.interceptor_state().store_put(Target(uri));
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failed = context.output_or_error().and_then(Result::err).and_then(|error| error.as_connector_error());
        let Some((error, Target(uri))) = failed.filter(|error| no_way(error)).zip(config.load::<Target>()) else {
            return Ok(());
        };
        let proxy = self.by_proxy.then(|| Matcher::from_env().intercept(uri)).flatten();
        let way = way(uri, proxy.as_ref().map(|proxy| proxy.uri()));
        // What the outermost layer that speaks of the connection says comes with what the system said.
        Err(Unreached { way, cause: root(error), is_here: is_here(uri) && proxy.is_none() }.into())
    }
}

/// Who was to be reached, and how.
fn way(uri: &Uri, proxy: Option<&Uri>) -> String {
    match proxy {
        Some(proxy) => {
            let scheme = proxy.scheme_str().unwrap_or("http");
            format!("{} was not reached through the proxy {scheme}://{}", host(uri), host(proxy))
        }
        None => format!("There is no answer from {}", host(uri)),
    }
}

fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    host == "localhost" || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

/// Host and port, without what stands before `@`.
fn host(uri: &Uri) -> String {
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", uri.host().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_told_without_the_credentials_of_a_proxy() {
        let aws: Uri = "https://sts.eu-central-1.amazonaws.com/".parse().unwrap();
        assert_eq!(way(&aws, None), "There is no answer from sts.eu-central-1.amazonaws.com");
        assert!(!is_here(&aws) && is_here(&"http://127.0.0.1:4566/".parse().unwrap()));
        let proxy: Uri = "http://me:secret@proxy.example:3128/".parse().unwrap();
        let told = way(&"http://127.0.0.1:4566/".parse().unwrap(), Some(&proxy));
        assert_eq!(told, "127.0.0.1:4566 was not reached through the proxy http://proxy.example:3128");
    }
}
