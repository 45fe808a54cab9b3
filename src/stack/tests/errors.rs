//! A table of bad descriptions and what is said about them. Read each aloud: would a stranger know what to do?

use super::{load_text, told};
use crate::stack::Severity;

#[test]
fn what_is_not_yaml() {
    let told = told(&[
        ("empty", ""),
        ("only comments", "# nothing yet\n"),
        ("only null", "null\n"),
        ("a list", "- stack: shop\n"),
        ("a word", "stack\n"),
        ("a tab", "stack: shop\nnetwork:\n\tzones: 2\n"),
        ("a tab after a text", "stack: shop\nregion: eu-west-1\n\tzones: 2\n"),
        ("a tab after a colon", "stack: shop\nnetwork:\n  nat:\tone\n"),
        ("a colon in a text", "stack: shop\nsecret:\n  description: note: this\n"),
        ("quotes not closed", "stack: \"shop\nregion: eu-west-1\n"),
        ("a bracket not closed", "stack: shop\nnetwork: {nat: one\nservice:\n"),
        ("no colon", "stack: shop\nregion\nservice: {}\n"),
        ("indented wrongly", "stack: shop\nnetwork:\n    zones: 2\n  nat: one\n"),
        ("two documents", "stack: shop\n---\nstack: other\n"),
        ("an anchor that there is not", "stack: *name\n"),
        ("an alias in itself", "stack: shop\nnetwork: &a {x: *a}\n"),
        ("a tag", "stack: !Ref shop\n"),
        ("a key that is a map", "stack: shop\n{a: b}: c\n"),
        ("a control character", "stack: sh\u{7}op\n"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_older_yaml_reads_otherwise() {
    let told = told(&[
        ("a key twice", "stack: shop\nnetwork:\n  zones: 2\n  nat: one\n  zones: 3\n"),
        ("yes", "stack: shop\ndatabase: {protect: yes}\n"),
        ("Off", "stack: shop\ndatabase: {data_api: Off}\n"),
        ("a quoted truth", "stack: shop\ndatabase: {protect: \"true\"}\n"),
        ("a stack named no", "stack: no\n"),
        ("a version that is a number", "stack: shop\ndatabase: {engine_version: 15.10}\n"),
        ("an account that is a number", "stack: shop\naccount: 012345678901\n"),
        ("an octal port", "stack: shop\ndatabase: {port: 0o12470}\n"),
        ("a port with an underscore", "stack: shop\ndatabase: {port: 5_432}\n"),
        ("a float for an integer", "stack: shop\nnetwork: {zones: 2.0}\n"),
        ("a quoted number", "stack: shop\nnetwork: {zones: \"2\"}\n"),
        (
            "values of env",
            "stack: shop\nservice:\n  image: public.ecr.aws/a/b:1\n  env: {A: 1.10, B: on, C: 017, D: 8080, E: true, F: 1.5}\n",
        ),
        ("nothing after the colon", "stack: shop\ndatabase:\nnetwork:\n  zones:\n"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_wrong_with_a_field() {
    let told = told(&[
        ("no stack", "network: {zones: 2}\n"),
        ("a bad name", "stack: My_Shop\n"),
        ("a name too long", "stack: shop-of-the-century-and-more\n"),
        ("a list with a wrong word", "stack: shop\ndatabase: {logs: [postgres]}\n"),
        ("half a zone", "stack: shop\nnetwork: {zones: 2.5}\n"),
        ("a default of the environment", "stack: shop\ndatabase: {port: \"${env:INFRA_NO_PORT:-80x}\"}\n"),
        ("unknown section", "stack: shop\nnetwrok: {}\n"),
        ("unknown field", "stack: shop\ndatabase: {engineVersion: \"15\"}\n"),
        ("a field of another tool", "stack: shop\ndatabase: {deletion_protection: true, password: hunter2}\n"),
        ("a zone for a region", "stack: shop\nregion: eu-central-1a\n"),
        ("a list for a map", "stack: shop\nnetwork: [zones]\n"),
        ("a map for a value", "stack: shop\nnetwork: {zones: {count: 2}}\n"),
        ("a value for a list", "stack: shop\nnetwork: {endpoints: s3}\n"),
        ("too many zones", "stack: shop\nnetwork: {zones: 4}\n"),
        ("an unknown word", "stack: shop\nnetwork: {nat: pre-zone}\n"),
        ("a range too small", "stack: shop\nnetwork: {cidr: 10.0.0.0/25}\n"),
        ("a range that starts in the middle", "stack: shop\nnetwork: {cidr: 10.0.1.0/16}\n"),
        ("a full endpoint name", "stack: shop\nnetwork: {endpoints: [com.amazonaws.eu-west-1.ecr.api]}\n"),
        ("no unit", "stack: shop\ndatabase: {}\nproxy: {idle_timeout: 30, max_connections: 90}\n"),
        ("out of bounds", "stack: shop\ndatabase: {backups: {retention: 40 days}}\nproxy: {borrow_timeout: 10 min}\n"),
        ("not in whole days", "stack: shop\ndatabase: {backups: {retention: 36 h}}\n"),
        ("a step of capacity", "stack: shop\ndatabase: {capacity: {min: 0.7, max: 300}}\n"),
        ("a user that Aurora keeps", "stack: shop\ndatabase: {username: rdsadmin, name: 1app}\n"),
        ("another major version", "stack: shop\ndatabase: {engine_version: \"16.3\"}\n"),
        ("a window too short", "stack: shop\ndatabase: {backups: {window: \"23:50-00:10\"}}\n"),
        ("an image elsewhere", "stack: shop\nservice: {image: ghcr.io/shop/web:1}\n"),
        ("no image", "stack: shop\nservice: {port: 80}\n"),
        (
            "a secret itself",
            "stack: shop\nservice:\n  image: public.ecr.aws/a/b:1\n  secrets: {KEY: \"sk live 4711\"}\n",
        ),
        (
            "reserved variables",
            "stack: shop\nservice:\n  image: public.ecr.aws/a/b:1\n  env: {DB_HOST: x, AWSAPPRUNNER_X: y, 1A: z}\n",
        ),
        ("tags", "stack: shop\ntags: {\"infra:stack\": x, \"aws:x\": y, ok: \"a?b\"}\n"),
        ("a parameter in capitals", "stack: shop\ndatabase: {parameters: {Work_Mem: 4MB}}\n"),
        ("an alias for a key", "stack: shop\ndatabase: {kms_key: alias/shop}\n"),
        ("an item left empty", "stack: shop\nnetwork: {endpoints: [s3, ~]}\n"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_does_not_go_together() {
    let told = told(&[
        ("min over max", "stack: shop\ndatabase: {capacity: {min: 8}}\n"),
        ("max under 1", "stack: shop\ndatabase: {capacity: {max: 0.5}}\n"),
        ("a pause without min 0", "stack: shop\ndatabase: {capacity: {pause_after: 10 min}}\n"),
        ("a proxy alone", "stack: shop\nproxy: {}\n"),
        ("a secret alone", "stack: shop\nsecret: {description: x}\n"),
        (
            "a key of another region",
            "stack: shop\nregion: eu-west-1\ndatabase: {}\nsecret: {kms_key: \"arn:aws:kms:us-east-1:012345678901:key/1\"}\n",
        ),
        ("a tag to be set and ignored", "stack: shop\ntags: {cost-center: \"1\"}\nignore_tags: [\"cost-*\"]\n"),
        ("migrations alone", "stack: shop\nmigrations: {}\n"),
        (
            "no way to the database",
            "stack: shop\ndatabase: {}\nmigrations: {}\nservice: {image: \"public.ecr.aws/a/b:1\"}\n",
        ),
        ("more idle than all", "stack: shop\ndatabase: {}\nproxy: {max_connections: 50 %, max_idle: 60 %}\n"),
        ("no such folder", "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizle}\n"),
        ("cpu and memory", "stack: shop\nservice: {image: \"public.ecr.aws/a/b:1\", cpu: 0.25 vCPU}\n"),
        ("no such cpu", "stack: shop\nservice: {image: \"public.ecr.aws/a/b:1\", cpu: 3 vCPU}\n"),
        ("scaling", "stack: shop\nservice: {image: \"public.ecr.aws/a/b:1\", scaling: {min: 5, max: 2}}\n"),
        (
            "a health check's path",
            "stack: shop\nservice: {image: \"public.ecr.aws/a/b:1\", health_check: {path: health}}\n",
        ),
        (
            "a variable twice",
            "stack: shop\nservice:\n  image: public.ecr.aws/a/b:1\n  env: {KEY: x}\n  secrets: {KEY: shop/key}\n",
        ),
        ("an endpoint twice", "stack: shop\nnetwork: {endpoints: [s3, logs, s3]}\n"),
        ("a log twice", "stack: shop\ndatabase: {logs: [postgresql, postgresql]}\n"),
        ("a range twice", "stack: shop\ndatabase: {}\nproxy: {allow_from: [10.1.0.0/16, 10.2.0.0/16, 10.1.0.0/16]}\n"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn all_errors_come_at_once_and_in_order() {
    let invalid = load_text(
        "stack: Shop\nregoin: x\nnetwork: {zones: 9, zones: 2}\ndatabase: {capacity: {min: 8, max: 0.7}}\nservice:\n  memory: 8 GB\n",
    )
    .unwrap_err();
    let places: Vec<_> =
        invalid.diagnostics.iter().map(|d| (d.line.unwrap(), d.column.unwrap(), d.path.as_str())).collect();
    assert_eq!(
        places,
        [
            (1, 8, "stack"),
            (2, 1, "regoin"),
            (3, 18, "network.zones"),
            (3, 21, "network.zones"),
            (4, 36, "database.capacity.max"),
            (5, 1, "service"),
            (5, 1, "service.image"),
            (6, 11, "service.memory"),
        ]
    );
    // Whether min is over max cannot be said while max is wrong by itself.
    assert!(!invalid.to_string().contains("least capacity"));
}

#[test]
fn columns_count_characters() {
    for text in ["stack: shop\ntags: {städte: [Köln, 汉]}\n", "\u{feff}stack: shop\r\ntags: {städte: [Köln, 汉]}\r\n"]
    {
        let invalid = load_text(text).unwrap_err();
        let [diagnostic] = invalid.diagnostics.as_slice() else { panic!("{invalid}") };
        assert_eq!((diagnostic.line, diagnostic.column, diagnostic.text.as_str()), (Some(2), Some(8), "städte"));
    }
}

#[test]
fn wrong_encodings_are_said() {
    let folder = super::load_files(&[("stack.yaml", b"stack: shop\ntags: {owner: Ren\xE9}\n")], &[]);
    let invalid = folder.1.unwrap_err();
    let [diagnostic] = invalid.diagnostics.as_slice() else { panic!("{invalid}") };
    assert_eq!((diagnostic.line, diagnostic.column), (Some(2), Some(18)));
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("stack: shop".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let (_folder, loaded) = super::load_files(&[("stack.yaml", &utf16)], &[]);
    assert!(loaded.unwrap_err().to_string().contains("UTF-16"));
}

#[test]
fn json_says_the_same() {
    let invalid = load_text("stack: shop\nnetwork: {nta: one}\n").unwrap_err();
    let mut json = serde_json::json!(invalid.diagnostics[0]);
    json["file"] = "stack.yaml".into();
    insta::assert_json_snapshot!(json);
    assert_eq!(invalid.diagnostics[0].severity, Severity::Error);
}
