//! What is said where no local cloud runs: whether there is one to be started again, and the command that starts it.

use std::path::{Path, PathBuf};

use super::{client::DATA, disk};

/// That none runs on `data`, and what starts one there. Only `start` and what is told `--local` does: who only looks at a local
/// cloud, perhaps in the wrong folder, is not to find a new one there afterwards.
pub(super) fn told(data: &Path) -> String {
    let (folder, option) = (data.display(), option(data));
    let start = format!("`infra local start{option}`");
    // Those use the usual folder.
    let others = match option.is_empty() {
        true => ", and so does any command with --local, such as `infra deploy --local`",
        false => "",
    };
    match disk::is_saved(data) {
        true => format!(
            "The local cloud in {folder} is not running; everything in it is kept. {start} starts it again{others}"
        ),
        false => format!("No local cloud is running in {folder}. {start} starts one{others}"),
    }
}

/// The option that leads to `data`, with a blank before it; nothing where it is found without.
pub(crate) fn option(data: &Path) -> String {
    let usual = std::env::var_os("INFRA_LOCAL_DATA").map_or_else(|| PathBuf::from(DATA), PathBuf::from);
    let text = data.display().to_string();
    let is_plain = text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter));
    match (data == usual, is_plain) {
        (true, _) => String::new(),
        (false, true) => format!(" --data {text}"),
        (false, false) => format!(" --data '{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes it a folder in which a cloud has been.
    fn stopped(data: &Path) {
        let account = data.join("state/000000000000");
        std::fs::create_dir_all(&account).unwrap();
        std::fs::write(account.join("global.json"), "{}").unwrap();
    }

    #[test]
    fn what_was_stopped_is_told_from_what_never_was() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("my cloud");
        let text = told(&data);
        assert!(text.starts_with("No local cloud is running in ") && text.contains("start --data '/"), "{text}");
        stopped(&data);
        let text = told(&data);
        assert!(
            text.contains("my cloud is not running; everything in it is kept. `infra local start --data '/"),
            "{text}"
        );
    }

    #[test]
    fn what_always_uses_the_usual_folder_is_no_way_to_start_another_one() {
        let usual = std::env::var_os("INFRA_LOCAL_DATA").map_or_else(|| PathBuf::from(DATA), PathBuf::from);
        assert!(told(&usual).ends_with(", and so does any command with --local, such as `infra deploy --local`"));
        let other = tempfile::tempdir().unwrap();
        for (folder, starts) in [("new", "starts one"), ("stopped", "starts it again")] {
            let data = other.path().join(folder);
            if folder == "stopped" {
                stopped(&data);
            }
            let text = told(&data);
            assert!(text.ends_with(&format!("` {starts}")), "{text}");
        }
    }
}
