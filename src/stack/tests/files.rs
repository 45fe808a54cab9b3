//! Several files, the environment and `--set`.

use std::path::Path;

use super::{load_files, load_text, report, shown};
use crate::stack::{Nat, Sources, load};

fn one(
    files: &[(&str, &str)],
    set: &[&str],
) -> (tempfile::TempDir, Result<crate::stack::Loaded, crate::stack::Invalid>) {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    load_files(&files, set)
}

#[test]
fn a_file_goes_over_those_it_extends() {
    let (folder, loaded) = one(
        &[
            (
                "stack.yaml",
                "extends: [base/one.yaml, base/two.yaml]\nstack: shop\ntags: {a: mine, b: null}\nnetwork: {endpoints: [logs]}\n",
            ),
            ("base/one.yaml", "tags: {a: one, b: one, c: one}\nnetwork: {nat: none, zones: 3, endpoints: [s3, sns]}\n"),
            ("base/two.yaml", "extends: three.yaml\ntags: {c: two}\nnetwork: {nat: one}\n"),
            ("base/three.yaml", "tags: {c: three, d: three}\ndatabase: {}\nproxy: {}\nmigrations: {folder: here}\n"),
            ("base/here/.keep", ""),
        ],
        &[],
    );
    let loaded = loaded.unwrap_or_else(|invalid| panic!("{invalid}"));
    let stack = loaded.description;
    let tags: Vec<_> = stack.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(tags, ["a=mine", "c=two", "d=three"]);
    assert_eq!((stack.network.nat, stack.network.zones, stack.network.endpoints.len()), (Nat::One, 3, 1));
    // A path is relative to the file that says it.
    assert_eq!(stack.migrations.unwrap().folder, folder.path().join("base/here"));
    assert_eq!(loaded.files.len(), 4);
}

#[test]
fn set_goes_over_all() {
    let (_folder, loaded) = one(
        &[(
            "stack.yaml",
            "stack: shop\nservice: {image: \"public.ecr.aws/a/b:1\", env: {A: x, B: y}}\ndatabase: {}\nproxy: {}\n",
        )],
        &[
            "service.image=public.ecr.aws/a/b:${env:TAG}",
            "service.env.A=15.10",
            "service.env.B=null",
            "database.engine_version=15.10",
            "tags={t: no}",
            "network.zones=3",
            "network.nat=per-zone",
        ],
    );
    let stack = loaded.unwrap_or_else(|invalid| panic!("{invalid}")).description;
    let service = stack.service.unwrap();
    assert_eq!(service.image.as_str(), "public.ecr.aws/a/b:1.4.2");
    assert_eq!(service.env.into_iter().collect::<Vec<_>>(), [("A".to_owned(), "15.10".to_owned())]);
    assert_eq!(stack.database.unwrap().engine_version.minor(), Some(10));
    assert_eq!((stack.tags["t"].as_str(), stack.network.zones), ("no", 3));
}

#[test]
fn the_environment_fills_in_what_the_field_wants() {
    let stack = load_text(
        "stack: shop\ndatabase: {engine_version: \"${env:V:-15.10}\", port: \"${env:EMPTY:-5433}\"}\nnetwork: {zones: \"${env:Z:-3}\", nat: per-zone}\n",
    );
    // In quotes it stays a text, and a port is a number.
    assert!(stack.is_err());
    let stack = load_text(
        "stack: shop-${env:X:-a}\ndatabase:\n  engine_version: ${env:V:-15.10}\n  port: ${env:EMPTY:-5433}\n  protect: ${env:P:-false}\n",
    );
    let stack = stack.unwrap_or_else(|invalid| panic!("{invalid}")).description;
    let database = stack.database.unwrap();
    assert_eq!((stack.stack.as_str(), database.port, database.protect), ("shop-a", 5433, false));
}

#[test]
fn anchors_merge_keys_and_x_keys_are_understood() {
    let stack = load_text(
        "stack: shop\nx-common: &common {A: one, B: one}\nservice:\n  image: public.ecr.aws/a/b:1\n  env:\n    <<: *common\n    B: two\n",
    );
    let env = stack.unwrap_or_else(|invalid| panic!("{invalid}")).description.service.unwrap().env;
    assert_eq!(env.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["A=one", "B=two"]);
}

#[test]
fn an_error_is_where_its_value_is() {
    type Files = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Files, &[&str])] = &[
        (
            "in a file below",
            &[
                ("stack.yaml", "extends: base.yaml\nstack: shop\nnetwork: {nat: one}\n"),
                ("base.yaml", "network:\n  zones: 7\n  nta: x\n"),
            ],
            &[],
        ),
        (
            "in --set",
            &[("stack.yaml", "stack: shop\nservice: {image: \"public.ecr.aws/a/b:1\"}\n")],
            &["service.cpu=3 vCPU", "service.scaling={mni: 2}"],
        ),
        ("--set without a value", &[("stack.yaml", "stack: shop\n")], &["service.cpu"]),
        ("--set that is no YAML", &[("stack.yaml", "stack: shop\n")], &["network.endpoints=[s3"]),
        ("from the environment", &[("stack.yaml", "stack: shop\nnetwork:\n  cidr: ${env:TAG}\n")], &[]),
        ("not in the environment", &[("stack.yaml", "stack: ${env:NAME}\nnetwork: {nat: \"${env:nat\"}\n")], &[]),
        ("a file that is not there", &[("stack.yaml", "stack: shop\nextends: bsae.yaml\n")], &[]),
        ("a folder", &[("stack.yaml", "stack: shop\nextends: drizzle\n")], &[]),
        ("no path", &[("stack.yaml", "stack: shop\nextends: {file: base.yaml}\n")], &[]),
        ("in a circle", &[("stack.yaml", "stack: shop\nextends: a.yaml\n"), ("a.yaml", "extends: stack.yaml\n")], &[]),
        (
            "a file below that is no YAML",
            &[("stack.yaml", "extends: a.yaml\nnetwork: {zonse: 2}\n"), ("a.yaml", "stack: [\n")],
            &[],
        ),
        ("no file at all", &[], &[]),
    ];
    let mut told = String::new();
    for (title, files, set) in cases {
        let (folder, loaded) = one(files, set);
        told.push_str(&format!("# {title}\n{}\n\n", shown(folder.path(), &report(&loaded))));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_tangle_of_files_is_cut_off() {
    // Each file extends the next one twice: 2^20 readings, if nothing stopped them.
    let names: Vec<String> =
        (0..20).map(|n| if n == 0 { "stack.yaml".to_owned() } else { format!("{n}.yaml") }).collect();
    let texts: Vec<String> = (0..20)
        .map(|n| if n == 19 { "stack: shop".to_owned() } else { format!("extends: [{0}.yaml, {0}.yaml]", n + 1) })
        .collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let (_folder, loaded) = one(&files, &[]);
    assert!(loaded.unwrap_err().to_string().contains("more than 50 files"));
}

#[test]
fn the_ready_descriptions_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["development", "production"] {
        let mut sources = Sources::new(root.join(format!("stacks/{name}.yaml")), &[]);
        sources.environment = Box::new(|_| None);
        let loaded = load(&sources).unwrap_or_else(|invalid| panic!("{invalid}"));
        assert_eq!(loaded.warnings.len(), 0, "{name}: {:?}", loaded.warnings);
        assert_eq!(loaded.description.stack.as_str(), format!("app-{name}"));
    }
}

#[test]
fn a_value_from_the_environment_is_in_no_message() {
    let sources = |file| Sources {
        environment: Box::new(|name| (name == "DB_PW").then(|| "Hunter2Secret!".to_owned())),
        ..Sources::new(file, &[])
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stack.yaml");
    for rest in [
        "service: {image: \"${env:DB_PW}\"}",
        "region: ${env:DB_PW}",
        "network: {cidr: \"${env:DB_PW}\"}",
        "service: {image: \"public.ecr.aws/x/y:1\", cpu: \"x${env:DB_PW}\"}",
        "tags: {team: \"${env:DB_PW}#\"}",
        "database: {name: \"${env:DB_PW}\"}",
    ] {
        std::fs::write(&file, format!("stack: shop\n{rest}\n")).unwrap();
        let told = load(&sources(&file)).expect_err(rest).to_string();
        assert!(!told.to_lowercase().contains("hunter2") && told.contains("${env:DB_PW}"), "{rest}: {told}");
    }
}

#[test]
fn of_a_file_that_is_no_description_nothing_is_shown() {
    for content in
        ["root:$6$abc:19000:0:99999:7:::\nbin:*:1:\n", "token: tell-nobody\n", "tell-nobody", "\ttell-nobody: [\n"]
    {
        let files = [("stack.yaml", "stack: shop\nextends: shadow\n"), ("shadow", content)];
        let (_, loaded) = one(&files, &[]);
        let told = loaded.expect_err(content).to_string();
        assert!(told.contains("is no stack description"), "{told}");
        assert!(!["tell-nobody", "$6$", "bin"].iter().any(|part| told.contains(part)), "{told}");
    }
}
