//! `infra local reset --everything`: what would be lost is named before it goes.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use super::{Failure, show};
use crate::{
    cli::ask,
    local::{
        LocalError,
        client::{self, Stopped},
        daemon::entries,
        disk, inventory, rds,
    },
    render::{output::print, value::count},
};

/// Stops the cloud and deletes its folder; `sure` is who need not be asked.
pub(super) async fn forget(data: &Path, sure: bool) -> Result<(), Failure> {
    if data.exists() && !client::is_data_folder(data) {
        let (path, holds) = (data.display(), entries::held(data));
        return Err(Failure::Told(format!(
            "{path} is not a local cloud's folder: it holds {holds}. Nothing was deleted"
        )));
    }
    if let Some(question) = to_ask(data).await.filter(|_| !sure) {
        ask::yes(&question).map_err(|failure| match failure {
            crate::cli::Failure::Input(report) | crate::cli::Failure::Other(report) => Failure::Report(report),
            _ => Failure::Told("Not confirmed; nothing was changed".to_owned()),
        })?;
    }
    let was = data.exists() || !rds::databases_of(data).is_empty();
    let forgotten = client::forget(data).await?;
    if !was && forgotten.stopped == Stopped::Nothing {
        print(&format!("There is no local cloud in {}; nothing was deleted.", data.display()));
        return Ok(());
    }
    if let Stopped::LeftBehind(servers) = forgotten.stopped {
        tell_left_behind(servers);
    }
    print("The local cloud and everything in it have been deleted.");
    if !forgotten.left.is_empty() {
        let (path, left) = (data.display(), entries::told(&forgotten.left));
        print(&format!("{path} is still there: it also holds {left}."));
    }
    if !forgotten.elsewhere.is_empty() {
        let left: Vec<_> = forgotten.elsewhere.iter().map(|path| path.display().to_string()).collect();
        print(&format!("What others put among its databases is still there: {}.", left.join(", ")));
    }
    // Root's are elsewhere, and those that an earlier cloud had left there were not this one's.
    let earlier = rds::databases_of(data);
    if !earlier.is_empty() {
        print(&format!(
            "An earlier local cloud in this place has left databases or snapshots ({}), which were kept, because its folder may \
             only have been moved. If it was not, the same command deletes them.",
            earlier.join(", ")
        ));
    }
    Ok(())
}

pub(super) fn tell_left_behind(servers: usize) {
    let left = if servers == 1 { "process that it left running was" } else { "processes that it left running were" };
    print(&format!("The local cloud had been killed; {servers} database {left} stopped."));
}

/// What is to be asked before all in `data` goes, if anything is. What cannot be read keeps nobody from deleting it.
async fn to_ask(data: &Path) -> Option<String> {
    match contents(data).await {
        Some((items, unknown)) => question_with(&unknown, question(&items)),
        None => question_unread(&rds::databases_of(data)),
    }
}

/// Everything that exists, whether the cloud runs or not, and the folders of databases and snapshots that are not in its state;
/// none where that cannot be found out.
async fn contents(data: &Path) -> Option<(Vec<Value>, Vec<String>)> {
    let (items, unknown) = match client::get(data, "inventory").await {
        Err(LocalError::NotRunning { .. }) if !disk::is_saved(data) => return None,
        Err(LocalError::NotRunning { .. }) => {
            let (items, unknown) = inventory::saved(data).ok()?;
            (serde_json::json!(items), unknown)
        }
        items => (items.ok()?, show::unknown(&client::get(data, "status").await.ok()?)),
    };
    Some((items.as_array().cloned()?, unknown))
}

/// What is asked where only the folders of the databases and snapshots are known: nobody can say whose they are.
fn question_unread(folders: &[String]) -> Option<String> {
    let named = folders.join(", ");
    let folders = match folders.len() {
        0 => return None,
        some => count(some, "folder"),
    };
    Some(format!(
        "What this local cloud has cannot be read. This deletes it all, and with it {folders} of databases and snapshots \
         ({named}). Continue?"
    ))
}

/// The same question, with the databases of which the state is gone: nobody may think of them any more.
fn question_with(unknown: &[String], question: Option<String>) -> Option<String> {
    if unknown.is_empty() {
        return question;
    }
    let (named, folders) = (unknown.join(", "), count(unknown.len(), "folder"));
    let question = question.unwrap_or_else(|| "Continue?".to_owned());
    Some(format!("{folders} of databases and snapshots ({named}), whose state is gone, would go as well. {question}"))
}

/// What is asked, if anything is: a snapshot was made to outlive its database, and whoever works on one stack may not think
/// of another one's.
fn question(items: &[Value]) -> Option<String> {
    let of = |kind: &str| items.iter().filter(|item| item["kind"] == *kind).collect::<Vec<_>>();
    let (clusters, snapshots) = (of("db-cluster"), of("db-cluster-snapshot"));
    let stack = |item: &&Value| item["tags"]["infra:stack"].as_str().unwrap_or_default().to_owned();
    let stacks: BTreeSet<String> = clusters.iter().map(stack).collect();
    if stacks.len() < 2 && snapshots.is_empty() {
        return None;
    }
    let named = |items: &[&Value], one: &str| {
        let mut names: Vec<String> = items.iter().map(|item| name(item)).collect();
        names.sort();
        (!names.is_empty()).then(|| format!("{} ({})", count(names.len(), one), names.join(", ")))
    };
    let rest = items.len() - clusters.len() - snapshots.len();
    let rest = (rest > 0).then(|| count(rest, "other resource"));
    let lost = [named(&clusters, "database cluster"), named(&snapshots, "snapshot"), rest];
    let mut lost: Vec<String> = lost.into_iter().flatten().collect();
    let last = lost.pop()?;
    let lost = if lost.is_empty() { last } else { format!("{} and {last}", lost.join(", ")) };
    Some(format!("This deletes {lost}. Continue?"))
}

/// What it is called, with the stack that it belongs to.
fn name(item: &Value) -> String {
    let id = item["id"].as_str().unwrap_or_default();
    match item["tags"]["infra:stack"].as_str() {
        Some(stack) => format!("{id} of the stack {stack}"),
        None => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLUSTER: &str = "cluster-AAAAAAAAAAAAAAAAAAAAAAAAAA";
    const SNAPSHOT: &str = "snapshot-0bbbbbbbbbbbbbbbb";

    #[tokio::test]
    async fn databases_whose_state_cannot_be_read_are_not_deleted_without_a_question() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("state/000000000000");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(data.path().join("lock"), "").unwrap();
        std::fs::write(folder.join("global.json"), "{}").unwrap();
        let state = folder.join("us-east-1.json");
        std::fs::write(&state, "").unwrap();
        assert_eq!(to_ask(data.path()).await, None, "there is nothing to lose");
        for name in [CLUSTER, &format!("{CLUSTER}-reader"), SNAPSHOT, "prx-0cccccccccccccccc"] {
            std::fs::create_dir_all(data.path().join("servers").join(name).join("data")).unwrap();
        }
        let told = format!(
            "What this local cloud has cannot be read. This deletes it all, and with it 2 folders of databases and snapshots \
             ({CLUSTER}, {SNAPSHOT}). Continue?"
        );
        assert_eq!(to_ask(data.path()).await.as_deref(), Some(told.as_str()));
        std::fs::write(&state, "{}").unwrap();
        let unknown = format!(
            "2 folders of databases and snapshots ({CLUSTER}, {SNAPSHOT}), whose state is gone, would go as well. Continue?"
        );
        assert_eq!(to_ask(data.path()).await, Some(unknown));
        std::fs::remove_dir_all(data.path().join("state")).unwrap();
        assert_eq!(to_ask(data.path()).await, Some(told), "the state is gone");
    }

    #[test]
    fn databases_whose_state_is_gone_are_named_beside_the_rest() {
        assert_eq!(question_with(&[], None), None);
        let told = "1 folder of databases and snapshots (cluster-1), whose state is gone, would go as well. Continue?";
        assert_eq!(question_with(&["cluster-1".to_owned()], None).as_deref(), Some(told));
    }

    #[test]
    fn all_that_is_lost_is_named_where_anything_is_that_somebody_may_not_think_of() {
        let item = |kind: &str, id: &str, stack: &str| json!({"kind": kind, "id": id, "tags": {"infra:stack": stack}});
        let vpc = json!({"kind": "vpc", "id": "vpc-1", "tags": {}});
        let one = item("db-cluster", "one-database", "one");
        assert_eq!(question(&[vpc.clone(), one.clone()]), None, "one stack's own, which can be deployed again");
        let two = item("db-cluster", "two-database", "two");
        let told = "This deletes 2 database clusters (one-database of the stack one, two-database of the stack two) and 1 \
                    other resource. Continue?";
        assert_eq!(question(&[vpc, two, one]).as_deref(), Some(told));
        let left = json!({"kind": "db-cluster-snapshot", "id": "one-final", "tags": {}});
        assert_eq!(question(&[left]).as_deref(), Some("This deletes 1 snapshot (one-final). Continue?"));
    }
}
