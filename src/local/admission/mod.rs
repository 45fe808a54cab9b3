//! Whose requests are let in: those of programs on this machine, and never those that a page in its browser sends. Any
//! key opens the cloud, so nothing else stands between its secrets and a page that somebody looks at.

mod peer;

use hyper::{HeaderMap, Method, header};

use super::{
    cloud::Cloud,
    dispatch::{self, Scope},
    fault::Fault,
    protocol::{self, Answer, Request},
};
use crate::aws::is_reading;
pub(crate) use peer::Peer;

/// Why a request is not let in, as far as its head tells.
pub(crate) fn refusal(head: &Request<'_>) -> Option<Fault> {
    if !is_local(head.headers) {
        return Some(denied("The local cloud answers only to loopback names, such as localhost."));
    }
    if is_of_a_page(head.headers) {
        return Some(denied(
            "The local cloud answers programs, and no page in a browser: the header Sec-Fetch-Site says that this \
             request was sent by a page of another origin. Call it from the program behind your page.",
        ));
    }
    let changing = (head.method != Method::POST).then(|| action(head.query)).flatten()?;
    Some(denied(&format!("{changing} may change something, and so it is called by POST, not by {}.", head.method)))
}

fn denied(message: &str) -> Fault {
    Fault::new("AccessDenied", message).with_status(403)
}

/// The action that a URL names, where it may change something: a link, or a picture in a page, would be enough to call it.
fn action(query: &str) -> Option<String> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (_, action) = parameters.find(|(name, action)| name == "Action" && !is_reading(action))?;
    Some(dispatch::shown(&action))
}

/// Whether a request was meant for this machine. A page in a browser can send requests to loopback addresses; it
/// then says where it came from, and a name that only pretends to be ours shows in `Host`.
fn is_local(headers: &HeaderMap) -> bool {
    let named = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = named(header::ORIGIN).map(|origin| origin.split_once("://").map_or("?", |(_, host)| host));
    [named(header::HOST), origin].into_iter().flatten().all(is_loopback)
}

/// Whether a browser sent it for something else than an address that was typed in. Browsers alone set this header, no
/// script in a page can, and they do so for every request to a loopback address.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| site != "none" && site != "same-origin")
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    };
    let is_address = |host: &str| host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    host == "localhost" || host.ends_with(".localhost") || is_address(host.trim_matches(['[', ']']))
}

/// A refusal of which nothing but the head was read, in the envelope of the service that was meant; and its id.
pub(crate) fn turned_away(cloud: &Cloud, scope: Option<&Scope>, head: &Request<'_>, fault: &Fault) -> (Answer, String) {
    let id = dispatch::request_id();
    let found = scope.and_then(|scope| dispatch::find(&cloud.services, Some(scope), head).ok());
    let answer = match found {
        Some((_, model, _)) => protocol::refusal(model, fault, &id),
        None => protocol::homeless_refusal(fault, scope.map_or("", Scope::service), head, &id),
    };
    (answer, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_local() {
        for name in ["localhost", "localhost:4566", "127.0.0.1:4566", "127.3.2.1", "[::1]:80", "s3.localhost:4566"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["", "?", "example.com", "localhost.example.com:4566", "10.0.0.1:80", "127.0.0.1.example.com"] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    fn refused(method: &str, query: &str, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, header::HeaderValue::from_static(value));
        }
        refusal(&Request { method, path: "/", headers: &map, query, body: &[] }).map(|fault| fault.message)
    }

    #[test]
    fn what_a_page_sends_is_refused() {
        let host = ("host", "127.0.0.1:4566");
        for site in ["cross-site", "same-site", "", "None"] {
            let message = refused("POST", "", &[host, ("sec-fetch-site", site)]).unwrap();
            assert!(message.contains("Sec-Fetch-Site"), "{site}: {message}");
        }
        for site in ["none", "same-origin"] {
            assert_eq!(refused("GET", "", &[host, ("sec-fetch-site", site)]), None, "{site}");
        }
        let twice = [host, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")];
        assert!(refused("POST", "", &twice).is_some());
        for origin in ["https://example.com", "null", "file://", "https://localhost.example.com"] {
            assert!(refused("POST", "", &[host, ("origin", origin)]).is_some(), "{origin}");
        }
        assert_eq!(refused("POST", "Action=DeleteVpc", &[host]), None);
    }

    #[test]
    fn a_url_alone_changes_nothing() {
        for query in ["Action=DeleteVpc&VpcId=vpc-1", "X-Amz-Credential=a&Action=CreateRole", "A%63tion=DeleteVpc"] {
            for method in ["GET", "HEAD", "PUT"] {
                let message = refused(method, query, &[]).unwrap();
                assert!(message.contains("POST"), "{message}");
            }
        }
        for query in ["", "Action=DescribeVpcs", "Action=GetCallerIdentity", "Action=ListRoles", "reaction=DeleteVpc"] {
            assert_eq!(refused("GET", query, &[]), None, "{query}");
        }
    }
}
