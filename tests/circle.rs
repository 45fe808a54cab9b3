//! The whole circle that any cloud has to bear: made, made again, changed, protected, drifted, destroyed, and made once more.

use serde_json::Value;

use crate::binary::{Run, id_in};

/// What names everything that holds data.
const NAME_DATA: [&str; 4] = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];

/// One stack in one cloud.
pub(crate) struct Circle<'c> {
    /// Runs a verb on the stack.
    pub(crate) infra: &'c dyn Fn(&str, &[&str]) -> Run,
    /// What makes another stack of it.
    pub(crate) changes: &'c [&'c str],
}

impl Circle<'_> {
    fn run(&self, verb: &str, more: &[&str]) -> Run {
        (self.infra)(verb, more)
    }

    fn changed(&self, more: &[&str]) -> Vec<String> {
        [self.changes, more].concat().into_iter().map(str::to_owned).collect()
    }

    fn with_changes(&self, verb: &str, more: &[&str]) -> Run {
        let arguments = self.changed(more);
        self.run(verb, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The id of what stands at an address.
    pub(crate) fn id(&self, address: &str) -> String {
        id_in(&self.run("status", &["--json"]).succeeds().json(), address)
    }

    /// It is made; what is made is as described.
    pub(crate) fn is_made(&self) -> Run {
        let run = self.run("deploy", &["--yes"]).succeeds();
        let diff = self.run("diff", &[]).succeeds().stdout();
        assert!(diff.contains("No changes"), "{diff}");
        run
    }

    /// It is changed; a second time there is nothing to do.
    pub(crate) fn is_changed(&self) {
        self.with_changes("deploy", &["--yes"]).succeeds();
        self.is_as_changed();
        let again = self.with_changes("deploy", &["--yes"]).succeeds().stdout();
        assert!(again.contains("No changes"), "{again}");
    }

    /// The change stands.
    pub(crate) fn is_as_changed(&self) {
        let diff = self.with_changes("diff", &[]).succeeds().stdout();
        assert!(diff.contains("No changes"), "{diff}");
    }

    /// What is protected is not destroyed, nor anything else with it.
    pub(crate) fn is_protected(&self) {
        let run = self.with_changes("destroy", &["--yes"]).ends_with(1);
        assert!(run.stderr().contains("--allow-delete cluster/database"), "{}", run.stderr());
        self.is_as_changed();
    }

    /// What `disturb` does to a resource behind the tool's back is shown as drift, and mended.
    pub(crate) fn drifts(&self, address: &str, disturb: impl FnOnce(&str)) {
        disturb(&self.id(address));
        let plan = self.with_changes("diff", &["--json"]).succeeds().json();
        let steps = plan["steps"].as_array().cloned().unwrap_or_default();
        let drift: Vec<&Value> =
            steps.iter().filter(|step| step["drift"] == true).map(|step| &step["address"]).collect();
        assert_eq!(drift, [address], "{plan:#}");
        self.with_changes("deploy", &["--yes"]).succeeds();
        self.is_as_changed();
    }

    /// It is destroyed; a second time there is nothing to do.
    pub(crate) fn is_destroyed(&self, more: &[&str]) {
        self.with_changes("destroy", &[&["--yes"], &NAME_DATA[..], more].concat()).succeeds();
        self.with_changes("destroy", &[&["--yes"], more].concat()).succeeds();
    }

    /// Made again, the secret is the one that there was.
    pub(crate) fn is_restored(&self, secret: &str) {
        self.is_made();
        assert_eq!(self.id("secret/database"), secret, "the secret was made anew");
    }
}
