//! What a program says, line by line: into the service's log group, and into a file for `infra local logs`.

use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{io::AsyncRead, sync::mpsc, task::JoinHandle};

use super::{Place, Shared, Specification};
use crate::local::{lines::split, logs::Destination, members::random_hex};

/// A longer line is cut in two.
const LONGEST_LINE: usize = 16 << 10;
/// A longer file begins anew when a program is started.
const LONGEST_FILE: u64 = 8 << 20;
/// How often lines are written to the log group, and the group to the disk.
const WRITING: Duration = Duration::from_millis(100);
const SAVING: Duration = Duration::from_secs(2);

/// The output of one start of a program.
pub(super) struct Output {
    tasks: Vec<JoinHandle<()>>,
}

impl Output {
    /// Takes in what comes from both ends.
    pub(super) fn of(
        shared: &Arc<Shared>,
        place: &Place,
        specification: &Specification,
        out: Option<impl AsyncRead + Unpin + Send + 'static>,
        err: Option<impl AsyncRead + Unpin + Send + 'static>,
    ) -> Self {
        let (sender, lines) = mpsc::channel(1000);
        let mut recorder = Recorder {
            shared: Arc::clone(shared),
            place: place.clone(),
            group: specification.group.clone(),
            stream: format!("instance/{}", random_hex(32)),
            file: open(shared, place, &specification.name),
        };
        // The stream is there also where nothing is said: whoever looks for the output of this start finds that.
        recorder.write(&[]);
        let mut tasks = vec![tokio::spawn(recorder.record(lines))];
        tasks.extend(out.map(|out| tokio::spawn(split(out, LONGEST_LINE, sender.clone()))));
        tasks.extend(err.map(|err| tokio::spawn(split(err, LONGEST_LINE, sender))));
        Self { tasks }
    }

    /// Waits until all was written that the program said before its end.
    pub(super) async fn finish(self) {
        // What it left running may hold its output open.
        let all = futures::future::join_all(self.tasks);
        let _ = tokio::time::timeout(Duration::from_secs(2), all).await;
    }
}

fn open(shared: &Shared, place: &Place, name: &str) -> Option<File> {
    let path = shared.output_file(place, name).ok()?;
    let long = std::fs::metadata(&path).is_ok_and(|file| file.len() > LONGEST_FILE);
    File::options().create(true).write(true).append(!long).truncate(long).mode(0o600).open(path).ok()
}

struct Recorder {
    shared: Arc<Shared>,
    place: Place,
    group: String,
    stream: String,
    file: Option<File>,
}

impl Recorder {
    async fn record(mut self, mut lines: mpsc::Receiver<String>) {
        let mut saved = Instant::now();
        let mut batch = Vec::new();
        while lines.recv_many(&mut batch, 1000).await > 0 {
            self.write(&batch);
            batch.clear();
            if saved.elapsed() > SAVING {
                saved = Instant::now();
                self.shared.save(&self.place);
            }
            tokio::time::sleep(WRITING).await;
        }
        self.shared.save(&self.place);
    }

    fn write(&mut self, batch: &[String]) {
        if let Some(file) = &mut self.file {
            // A disk that takes no more lines stops the file and not the program.
            let _ = file.write_all(batch.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes());
        }
        let Place { account, region, .. } = &self.place;
        let to = Destination { account, region, group: &self.group, stream: &self.stream };
        self.shared.region(&self.place, |ctx| ctx.region.logs.write_all(to, ctx.now, batch));
    }
}
