//! The local cloud under bad treatment: malformed requests, many clients, a taken port, a full disk, other users.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::binary::{Cloud, Run};

/// Sends bytes and reads the answer to its end.
fn exchange(host: &str, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(host).expect("the local cloud accepts connections");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
    // What is refused early may not be read whole.
    let _ = connection.write_all(request);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A signed call.
fn call(host: &str, service: &str, headers: &str, body: &[u8]) -> String {
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=111122223333/20260101/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
         {headers}\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    exchange(host, &request)
}

fn host(cloud: &Cloud) -> &str {
    cloud.url.strip_prefix("http://").expect("the URL is plain HTTP")
}

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % most
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Actions of the two kinds of protocol, with bodies to be broken.
const FORMS: &[(&str, &str)] = &[
    ("ec2", "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16&TagSpecification.1.Tag.1.Key=a"),
    ("ec2", "Action=DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&MaxResults=5&NextToken=x"),
    (
        "ec2",
        "Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.FromPort=1&IpPermissions.1.IpRanges.1.CidrIp=::/0",
    ),
    (
        "rds",
        "Action=CreateDBCluster&DBClusterIdentifier=a&Engine=aurora-postgresql&ServerlessV2ScalingConfiguration.MinCapacity=1",
    ),
    ("rds", "Action=DescribeDBClusters&MaxRecords=20&Marker=after-1&Filters.Filter.1.Name=engine"),
    ("iam", "Action=CreateRole&RoleName=a&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%7D"),
    ("sts", "Action=AssumeRole&RoleArn=arn:aws:iam::1:role/a&RoleSessionName=x&DurationSeconds=900"),
];
const JSONS: &[(&str, &str, &str)] = &[
    (
        "apprunner",
        "AppRunner.CreateService",
        r#"{"ServiceName":"demo","SourceConfiguration":{"ImageRepository":{"ImageIdentifier":"x"}}}"#,
    ),
    ("apprunner", "AppRunner.ListServices", r#"{"MaxResults":20,"NextToken":"eA"}"#),
    (
        "secretsmanager",
        "secretsmanager.CreateSecret",
        r#"{"Name":"a","SecretBinary":"AAEC","Tags":[{"Key":"a","Value":"b"}]}"#,
    ),
    ("secretsmanager", "secretsmanager.GetRandomPassword", r#"{"PasswordLength":20,"ExcludeNumbers":true}"#),
    ("ssm", "AmazonSSM.PutParameter", r#"{"Name":"/a/b","Value":"1","Type":"String"}"#),
    (
        "logs",
        "Logs_20140328.PutLogEvents",
        r#"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"m"}]}"#,
    ),
];
/// What is put into a body in the place of something else.
const SCRAPS: &[&str] = &[
    "",
    "%",
    "%zz",
    "%00",
    "&",
    "=",
    ".",
    ".1.",
    ".0.",
    "-1",
    "1e400",
    "99999999999999999999",
    "null",
    "{",
    "}",
    "[[[[",
    "\"",
    "\\ud800",
    "\u{fffd}",
    "\u{202e}",
    "'; drop table x",
    "../../etc/passwd",
    "0.0.0.0/0",
    "::/129",
    "10.0.0.0/99",
    "true",
    "4294967296",
    "-0",
    "\r\n\r\n",
    "2026-13-45T99:99:99Z",
    "arn:aws:::::::",
    "<!DOCTYPE x>",
    "member.1",
    "Filter.1.Value",
];

/// A body with some of its bytes taken out, doubled, or replaced by scraps.
fn broken(text: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(12)).min(bytes.len());
        match dice.below(4) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, dice.of(SCRAPS).bytes())),
            _ => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
        }
    }
    if dice.below(10) == 0 {
        bytes.push(0xff);
    }
    bytes
}

/// The head of a signed request, with what else belongs to it.
fn head(host: &str, service: &str, first: &str, more: &str) -> String {
    format!(
        "{first} HTTP/1.1\r\nHost: {host}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-central-1/\
         {service}/aws4_request, SignedHeaders=host, Signature=0\r\n{more}\r\n"
    )
}

#[test]
fn a_request_that_is_too_large_is_refused_before_it_is_sent() {
    let cloud = Cloud::start();
    let host = host(&cloud);
    let entity = "RequestEntityTooLargeException";
    let code = "Request must be smaller than 70167211 bytes for the CreateFunction operation";
    let payload = "Request must be smaller than 6291556 bytes for the InvokeFunction operation";
    let target = "X-Amz-Target: secretsmanager.CreateSecret\r\n";
    for (service, first, more, length, parts) in [
        ("ec2", "POST /", "", 1_048_577_u64, vec!["<Response><Errors><Error><Code>", entity]),
        ("rds", "POST /", "", 10_000_000_000, vec!["<ErrorResponse", entity]),
        ("secretsmanager", "POST /", target, 1_048_577, vec!["__type", entity, "CreateSecret"]),
        ("logs", "POST /", "", 7_340_033, vec!["__type", entity]),
        ("lambda", "POST /2015-03-31/functions", "", 70_167_212, vec![entity, code]),
        (
            "lambda",
            "POST /2015-03-31/functions/f/invocations",
            "",
            6_291_557,
            vec!["RequestTooLargeException", payload],
        ),
        ("dynamodb", "POST /", "", 1_048_577, vec![entity]),
    ] {
        // One that would send its body only when it is told to is answered at once, and not told to.
        let more = format!("{more}Content-Length: {length}\r\nExpect: 100-continue\r\n");
        let answer = exchange(host, head(host, service, first, &more).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413 "), "{service}: {answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{service}: {answer}");
        for part in parts {
            assert!(answer.contains(part), "{service}: no {part} in {answer}");
        }
    }
}

#[test]
fn a_request_that_grows_too_large_is_refused_in_its_middle() {
    let cloud = Cloud::start();
    let host = host(&cloud);
    let mut request = head(host, "ec2", "POST /", "Transfer-Encoding: chunked\r\n").into_bytes();
    for _ in 0..17 {
        request.extend_from_slice(b"10000\r\n");
        request.extend_from_slice(&[b'x'; 0x1_0000]);
        request.extend_from_slice(b"\r\n");
    }
    // There is no end to it, and so nobody has waited for one.
    let answer = exchange(host, &request);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("RequestEntityTooLargeException"), "{answer}");
}

#[test]
fn who_sends_all_of_a_request_that_is_too_large_reads_the_refusal() {
    let cloud = Cloud::start();
    let answer = call(host(&cloud), "ec2", "", &vec![b'x'; 32 << 20]);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("RequestEntityTooLargeException"), "{answer}");
    let answer = call(host(&cloud), "ec2", "", b"Action=DescribeVpcs&Version=2016-11-15");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn malformed_requests_get_an_error_and_never_a_panic() {
    let cloud = Cloud::start();
    let host = host(&cloud);
    let mut dice = Dice(20_261_128);
    for number in 0..1500 {
        let answer = if dice.below(2) == 0 {
            let (service, body) = *dice.of(FORMS);
            call(host, service, "Content-Type: application/x-www-form-urlencoded\r\n", &broken(body, &mut dice))
        } else {
            let (service, target, body) = *dice.of(JSONS);
            let headers = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
            call(host, service, &headers, &broken(body, &mut dice))
        };
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("none");
        // 500 would be a mistake of ours that was caught.
        assert!(["200", "400", "403", "404", "409", "412"].contains(&status), "request {number}: {answer}");
    }
    for garbage in [
        &b"\0\x01\x02\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ] {
        exchange(host, garbage);
    }
    let homeless = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(exchange(host, homeless).starts_with("HTTP/1.1 400"));
    let endless = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999\r\n\r\n");
    // A function's zip file may be large; this is larger.
    let endless = [endless.as_bytes(), &vec![b'a'; 73 << 20]].concat();
    assert!(exchange(host, &endless).starts_with("HTTP/1.1 413"));
    assert!(call(host, "sts", "", b"Action=GetCallerIdentity&Version=2011-06-15").contains("111122223333"));
    let said = fs::read_to_string(cloud.folder().join("local/daemon.out")).unwrap_or_default();
    assert_eq!(said.lines().filter(|line| line.contains("panicked")).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn fifty_clients_at_once_lose_nothing() {
    let cloud = Cloud::start();
    let host = host(&cloud);
    std::thread::scope(|scope| {
        for client in 0..50 {
            scope.spawn(move || {
                for number in 0..4 {
                    let body = format!("Action=CreateVpc&CidrBlock=10.{client}.{number}.0/24");
                    let answer = call(host, "ec2", "", body.as_bytes());
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    let answer = call(host, "ec2", "", b"Action=DescribeVpcs");
                    assert!(answer.contains(&format!("10.{client}.{number}.0/24")), "{answer}");
                }
            });
        }
    });
    assert_eq!(cloud.inventory().len(), 200);
    cloud.infra(&["local", "stop"]).succeeds();
    cloud.infra(&["local", "start", "--port", "0"]).succeeds();
    assert_eq!(cloud.inventory().len(), 200);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let failed = Cloud::absent().infra(&["local", "start", "--port", &port]).ends_with(1).stderr();
    assert!(failed.contains(&port) && failed.contains("--port"), "{failed}");
}

/// The command line and the environment of a program that runs where `folder` is a disk of so many kilobytes, in a
/// namespace of its own; none where this system does not allow that.
fn on_a_small_disk(folder: &Path, kilobytes: u32, command: &[&str]) -> Option<Command> {
    let script =
        |rest: &str| format!("mount -t tmpfs -o size={kilobytes}k,mode=700 tmpfs {} && {rest}", folder.display());
    let unshare = |rest: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--map-root-user", "sh", "-c", &script(rest), "sh"]).stdin(Stdio::null());
        unshare
    };
    let allowed = unshare("true").output().is_ok_and(|output| output.status.success());
    let mut chosen = unshare("exec \"$@\"");
    chosen.args(command);
    allowed.then_some(chosen)
}

#[test]
fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().to_str().expect("the path is text");
    let infra = env!("CARGO_BIN_EXE_infra");
    let start = [infra, "local", "start", "--foreground", "--port", "0", "--data", data];
    let Some(mut command) = on_a_small_disk(folder.path(), 256, &start) else {
        eprintln!("NOT TESTED: this system allows no namespaces to make a small disk in.");
        return;
    };
    let mut daemon = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("unshare runs");
    let mut output = daemon.stdout.take().expect("it is piped");
    let mut said = String::new();
    let end = Instant::now() + Duration::from_secs(20);
    while !said.contains("; ctrl-C") && Instant::now() < end {
        let mut block = [0; 256];
        let length = output.read(&mut block).expect("the daemon speaks");
        assert!(length > 0, "the daemon ended: {said}");
        said.push_str(&String::from_utf8_lossy(&block[..length]));
    }
    let host =
        said.split("http://").nth(1).and_then(|rest| rest.split(';').next()).expect("it says its URL").to_owned();
    let value = "x".repeat(4000);
    let put = |number: i32| {
        let body = format!(r#"{{"Name":"/disk/{number}","Value":"{value}","Type":"String"}}"#);
        call(&host, "ssm", "X-Amz-Target: AmazonSSM.PutParameter\r\n", body.as_bytes())
    };
    let refused = (0..200).map(|number| (number, put(number))).find(|(_, answer)| !answer.starts_with("HTTP/1.1 200"));
    let again = refused.as_ref().map(|(number, _)| put(*number)).unwrap_or_default();
    let answers = call(&host, "ssm", "X-Amz-Target: AmazonSSM.GetParameter\r\n", br#"{"Name":"/disk/0"}"#);
    daemon.kill().expect("the daemon can be killed");
    daemon.wait().expect("it ends");
    let (_, refused) = refused.expect("a disk of 256 KB takes no 800 KB");
    assert!(again.starts_with("HTTP/1.1 500"), "what was refused must not count as made: {again}");
    assert!(refused.starts_with("HTTP/1.1 500") && refused.contains("The disk is full"), "{refused}");
    assert!(answers.contains("xxxx"), "what was there before can still be read: {answers}");
}

/// Every file and folder below, without following links.
fn below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&entry.path(), found);
        }
    }
}

#[test]
fn other_users_read_nothing_and_reach_only_loopback_addresses() {
    let cloud = Cloud::start();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/stack.example.yaml");
    let deployed: Run = cloud.infra(&["deploy", "--local", "--yes", example]);
    deployed.succeeds();
    let data = cloud.folder().join("local");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700, "the data folder");
    // The servers' folders may be elsewhere, with a link to them; each is closed by itself.
    let servers = fs::canonicalize(data.join("servers")).expect("the servers have a folder");
    for folder in fs::read_dir(&servers).expect("it can be read").flatten().map(|entry| entry.path()) {
        if folder.is_dir() {
            // Root's are passed through by the group of the servers' user.
            assert_eq!(mode(&folder) & 0o067, 0, "{}", folder.display());
        }
    }
    let mut files = Vec::new();
    below(&data, &mut files);
    below(&servers, &mut files);
    for file in files.iter().filter(|file| file.is_file()) {
        // A server's temporary file may have gone since.
        let Ok(found) = fs::metadata(file) else { continue };
        assert_eq!(found.permissions().mode() & 0o077, 0, "{}", file.display());
    }
    if cfg!(target_os = "linux") {
        let pid = cloud.infra(&["local", "status", "--json"]).succeeds().json()["pid"].to_string();
        let mut sockets = sockets_of(&pid);
        for process in fs::read_dir("/proc").expect("processes are listed").flatten() {
            let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&command).contains(servers.to_str().expect("the path is text")) {
                sockets.extend(sockets_of(&process.file_name().to_string_lossy()));
            }
        }
        let listening = listening(&sockets);
        assert!(listening.len() >= 3, "the endpoint, a server and a pooler listen: {listening:?}");
        // Addresses are hexadecimal, least byte first: 127.x.y.z ends with 7F.
        assert!(listening.iter().all(|address| address.len() == 8 && address.ends_with("7F")), "{listening:?}");
    }
}

/// The sockets that a process has open, by inode.
fn sockets_of(pid: &str) -> Vec<String> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())).collect()
}

/// The addresses on which these sockets listen.
fn listening(inodes: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, "0A", ..] = fields[..] else { continue };
            if fields.get(9).is_some_and(|inode| inodes.iter().any(|one| one == inode)) {
                found.extend(local.split(':').next().map(str::to_owned));
            }
        }
    }
    found
}
