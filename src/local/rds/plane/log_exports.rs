//! The servers' logs in CloudWatch Logs, which their real lines are written to: where a cluster exports them, the group
//! `/aws/rds/cluster/NAME/postgresql` with a stream for each instance; and for each proxy `/aws/rds/proxy/NAME` with a stream for
//! each of its endpoints.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::{pooler, postgres::Servers, replicas::replica_name, wanted::Place};
use crate::local::rds::clusters::Cluster;
use crate::local::{cloud::Cloud, logs::Destination, world::Ctx};

/// The one type of logs that a server here writes.
const TYPE: &str = "postgresql";

/// What is taken over at most at once, and of what was written before anybody looked.
const PORTION: u64 = 1_000_000;

/// Where it stood how far a log has been exported, in the server's folder, before it was part of the region's state.
const MARK: &str = "exported";

/// A log that is exported.
struct Export {
    group: String,
    stream: String,
    /// The name of the server's folder.
    server: String,
}

impl Servers {
    /// Writes what the servers of a cluster have said since the last time. Answers whether there was something.
    pub(super) fn export_logs(&self, place: &Place, cluster: &str) -> bool {
        let exports = self.cloud.region(&place.account, &place.region, |ctx| exports(ctx, cluster));
        exports.iter().filter(|export| export.take_over(&self.cloud, place, &self.folder)).count() > 0
    }

    /// Does so for a pooler.
    pub(super) fn export_pooler_log(&self, place: &Place, wanted: &pooler::Wanted) -> bool {
        let group = format!("/aws/rds/proxy/{}", wanted.proxy);
        let export = Export { group, stream: wanted.name.clone(), server: wanted.name.clone() };
        let is_served = self.cloud.region(&place.account, &place.region, |ctx| ctx.serves("logs"));
        is_served && export.take_over(&self.cloud, place, &self.folder)
    }

    /// Forgets how far the log of a server that is gone has been exported: another one may get its name.
    pub(super) fn forget_exports(&self, server: &str) {
        let mut world = self.cloud.world();
        for region in world.accounts.values_mut().flat_map(|account| account.regions.values_mut()) {
            region.rds.exported.remove(server);
        }
    }
}

impl Export {
    /// Takes over what is new. It is there after a kill once the region was saved, and is taken over again where it was not.
    fn take_over(&self, cloud: &Cloud, place: &Place, servers: &Path) -> bool {
        let (account, region) = (place.account.as_str(), place.region.as_str());
        let mark = cloud.region(account, region, |ctx| ctx.region.rds.exported.get(&self.server).copied());
        // What cannot be read now is read the next time.
        let Ok((entries, end)) = read(&servers.join(&self.server), mark) else { return false };
        if entries.is_empty() {
            return false;
        }
        cloud.region(account, region, |ctx| {
            let to = Destination { account, region, group: &self.group, stream: &self.stream };
            ctx.region.logs.write_all(to, ctx.now, &entries);
            let exported = &mut ctx.region.rds.exported;
            exported.insert(self.server.clone(), end);
            exported.retain(|server, _| servers.join(server).exists());
        });
        true
    }
}

/// The logs that a cluster exports.
fn exports(ctx: &mut Ctx<'_>, name: &str) -> Vec<Export> {
    let store = &ctx.region.rds;
    let exported = |cluster: &&Cluster| ctx.serves("logs") && cluster.logs.iter().any(|kind| kind == TYPE);
    let Some(cluster) = store.clusters.get(name).filter(exported) else { return Vec::new() };
    let group = format!("/aws/rds/cluster/{}/{TYPE}", cluster.identifier);
    let export = |writer: bool, server: &str| {
        let member = store.members(&cluster.identifier).find(|member| member.writer == writer)?;
        let stream = format!("{}.0", member.identifier);
        Some(Export { group: group.clone(), stream, server: server.to_owned() })
    };
    let replica = replica_name(&cluster.resource_id);
    export(true, &cluster.resource_id).into_iter().chain(export(false, &replica)).collect()
}

/// What has been added to a server's log since the mark, and where that ends.
fn read(folder: &Path, mark: Option<u64>) -> io::Result<(Vec<String>, u64)> {
    let mut file = fs::File::open(folder.join("log"))?;
    let size = file.metadata()?.len();
    let former = || fs::read_to_string(folder.join(MARK)).ok().and_then(|mark| mark.trim().parse().ok());
    // A log that has become shorter has been begun anew.
    let start = mark
        .or_else(former)
        .map_or_else(|| size.saturating_sub(PORTION), |mark: u64| if mark > size { 0 } else { mark });
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(PORTION).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A line that is longer than all that is read at once is not waited for.
    let whole = if whole == 0 && bytes.len() as u64 == PORTION { bytes.len() } else { whole };
    Ok((entries(&String::from_utf8_lossy(&bytes[..whole])), start + whole as u64))
}

/// The entries of a log: lines that begin with a tab go on with the one before.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match entries.last_mut().filter(|_| line.starts_with('\t')) {
            Some(entry) => {
                entry.push('\n');
                entry.push_str(line);
            }
            None => entries.push(line.to_owned()),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::pace::Pace;

    #[test]
    fn whole_lines_are_exported_once_and_those_that_go_on_stay_together() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, "one\ntwo\n\tgoes on\nthr").unwrap();
        let (said, end) = read(folder.path(), None).unwrap();
        assert_eq!((said, end), (vec!["one".to_owned(), "two\n\tgoes on".to_owned()], 17));
        assert_eq!(read(folder.path(), Some(end)).unwrap(), (vec![], 17), "not a part of a line");
        fs::write(&log, "one\ntwo\n\tgoes on\nthree\n").unwrap();
        assert_eq!(read(folder.path(), Some(end)).unwrap(), (vec!["three".to_owned()], 23));
        fs::write(folder.path().join(MARK), end.to_string()).unwrap();
        assert_eq!(read(folder.path(), None).unwrap(), (vec!["three".to_owned()], 23), "as it was noted before");
        fs::write(&log, "anew\n").unwrap();
        assert_eq!(read(folder.path(), Some(23)).unwrap(), (vec!["anew".to_owned()], 5));
    }

    #[test]
    fn whenever_the_cloud_is_killed_each_line_is_there_once() {
        let data = tempfile::tempdir().unwrap();
        let place = Place { account: "000000000000".into(), region: "us-east-1".into() };
        let opened = || Cloud::open(data.path(), Pace::Instant, Vec::new()).unwrap();
        let servers = data.path().join("servers");
        let export = Export { group: "/aws/rds/proxy/shop".into(), stream: "prx-1".into(), server: "prx-1".into() };
        fs::create_dir_all(servers.join("prx-1")).unwrap();
        let said = |cloud: &Cloud| -> Vec<String> {
            cloud.region(&place.account, &place.region, |ctx| {
                let lines = ctx.region.logs.lines(&export.group, &export.stream);
                lines.map(|(_, message)| message.to_owned()).collect()
            })
        };
        let mut log = String::new();
        for (line, is_saved) in [("one", true), ("two", false), ("three", true), ("four", false)] {
            log = format!("{log}{line}\n");
            fs::write(servers.join("prx-1/log"), &log).unwrap();
            let cloud = opened();
            assert!(export.take_over(&cloud, &place, &servers));
            assert_eq!(said(&cloud), log.lines().collect::<Vec<_>>());
            assert!(!export.take_over(&cloud, &place, &servers));
            if is_saved {
                cloud.save(&place.account, &place.region).unwrap();
                assert!(!export.take_over(&opened(), &place, &servers));
            }
        }
    }
}
