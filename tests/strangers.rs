//! Other users of the machine at the local cloud's endpoint.

use std::{
    io::{Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::Command,
};

use crate::binary::Cloud;

/// The number of `nobody`, as whom no local cloud of a test runs.
const NOBODY: u32 = 65_534;

/// What the endpoint says to a program of `nobody`.
fn told_to_nobody(url: &str) -> String {
    let address = url.strip_prefix("http://").expect("the URL is plain HTTP").replace(':', "/");
    let ask =
        "printf 'GET /_infra/status HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3";
    let mut program = Command::new("/bin/bash");
    program.args(["-c", &format!("exec 3<>/dev/tcp/{address}; {ask}")]).current_dir("/").uid(NOBODY).gid(NOBODY);
    let output = program.output().expect("a shell runs");
    String::from_utf8(output.stdout).expect("the answer is text")
}

#[test]
fn another_user_is_let_in_by_the_owners_word_alone() {
    // Only root can become somebody else; and only Linux tells whose a connection is.
    if !rustix::process::getuid().is_root() || !cfg!(target_os = "linux") {
        eprintln!("NOT TESTED: only root on Linux can try what becomes of another user's call.");
        return;
    }
    let cloud = Cloud::absent();
    let start = |arguments: &[&str]| {
        let arguments = [&["local", "start", "--port", "0", "--apis", "sts"], arguments].concat();
        cloud.infra(&arguments).succeeds();
        cloud.infra(&["local", "status", "--json"]).succeeds().json()["endpoint"]
            .as_str()
            .expect("an endpoint")
            .to_owned()
    };
    let refused = told_to_nobody(&start(&[]));
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("--other-users"), "{refused}");
    cloud.infra(&["local", "stop"]).succeeds();
    let answered = told_to_nobody(&start(&["--other-users"]));
    assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
}

/// What is answered to a call with temporary credentials, in the query protocol.
fn told_to_session(url: &str, key: &str, token: Option<&str>) -> String {
    let host = url.strip_prefix("http://").expect("the URL is plain HTTP");
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let token = token.map(|token| format!("X-Amz-Security-Token: {token}\r\n")).unwrap_or_default();
    let mut connection = std::net::TcpStream::connect(host).expect("the cloud answers");
    write!(
        connection,
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{token}Authorization: AWS4-HMAC-SHA256 \
         Credential={key}/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )
    .expect("the call is sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("the answer is read");
    answer
}

#[test]
fn a_sessions_key_is_let_in_with_its_token_alone() {
    let cloud = Cloud::serving("sts");
    let opened = cloud.call("sts", "Action=GetSessionToken&Version=2011-06-15");
    let part = |name: &str| {
        let (_, rest) = opened.split_once(&format!("<{name}>")).expect("a part of the credentials");
        rest.split('<').next().expect("its end").to_owned()
    };
    let (key, token) = (part("AccessKeyId"), part("SessionToken"));
    assert!(told_to_session(&cloud.url, &key, Some(&token)).starts_with("HTTP/1.1 200 "));
    for wrong in [None, Some("another")] {
        let refused = told_to_session(&cloud.url, &key, wrong);
        assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("InvalidClientTokenId"), "{refused}");
    }
    assert!(told_to_session(&cloud.url, "ASIAFROMELSEWHERE000", Some("any")).starts_with("HTTP/1.1 200 "));
}
