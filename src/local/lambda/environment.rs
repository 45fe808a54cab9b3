//! Where one call runs: a process of the function's `bootstrap` with a runtime API of its own, its output in the log group.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{io::AsyncRead, sync::mpsc, task::JoinHandle};

use super::{
    invoke::{Answer, Order},
    runtime::Runtime,
};
use crate::local::{
    cloud::Cloud,
    daemon::Note,
    fault::Fault,
    lines::split,
    logs::Destination,
    members::random_hex,
    process::{Process, Start},
};

/// How many lines of the log are remembered for the answer.
const LAST: usize = 100;
/// A longer line is cut in two: what one event of AWS's takes.
const LONGEST_LINE: usize = 256 << 10;

/// Runs one call to its end, which is `limit` after its beginning at the latest.
pub(super) async fn run(cloud: &Arc<Cloud>, order: &Order, folder: &Path, limit: Duration) -> Result<Answer, Fault> {
    let broken = |error: std::io::Error| {
        Fault::new("ServiceException", format!("The function could not be run: {error}")).with_status(500)
    };
    let log = Arc::new(Log::of(cloud, order));
    let begun = Instant::now();
    log.line(&format!("START RequestId: {} Version: $LATEST", order.request));
    let (runtime, answered) = Runtime::start(order, limit).await.map_err(broken)?;
    let environment = variables(cloud, order, folder, &runtime.address, &log.stream);
    let start = Start { command: "exec ./bootstrap".to_owned(), dir: folder.to_owned(), environment };
    let (mut process, out, err) = Process::start(&start).map_err(broken)?;
    let listening = log.follow(out, err);
    let mut answer = tokio::select! {
        answer = answered => answer.unwrap_or_else(|_| Answer::failure("Runtime.Unknown", "The runtime has gone.")),
        how = process.ended() => {
            let message = format!("RequestId: {} Error: Runtime exited: it {how}", order.request);
            Answer::failure("Runtime.ExitError", &message)
        }
        () = tokio::time::sleep(limit) => {
            let message = format!("{:.3} {} Task timed out after {}.00 seconds", Timestamp::now(), order.request, order.timeout);
            log.line(&message);
            Answer::failure("", &message)
        }
    };
    process.stop().await;
    drop(runtime);
    let _ = tokio::time::timeout(Duration::from_secs(2), futures::future::join_all(listening)).await;
    log.line(&format!("END RequestId: {}", order.request));
    log.line(&format!(
        "REPORT RequestId: {}\tDuration: {}.00 ms\tMemory Size: {} MB",
        order.request,
        begun.elapsed().as_millis(),
        order.memory
    ));
    log.save();
    answer.log = log.last();
    Ok(answer)
}

/// What AWS sets, and what stands here for the function's role.
fn variables(cloud: &Cloud, order: &Order, folder: &Path, api: &str, stream: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &order.variables.0 {
        all.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    let mut set = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
    set("AWS_LAMBDA_RUNTIME_API", api);
    set("AWS_LAMBDA_FUNCTION_NAME", order.name.as_str());
    set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &order.memory.to_string());
    set("AWS_LAMBDA_LOG_GROUP_NAME", &order.log_group);
    set("AWS_LAMBDA_LOG_STREAM_NAME", stream);
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set("_HANDLER", &order.handler);
    set("LAMBDA_TASK_ROOT", &folder.display().to_string());
    set("AWS_REGION", &order.region);
    set("AWS_DEFAULT_REGION", &order.region);
    set("AWS_ACCESS_KEY_ID", &order.account);
    set("AWS_SECRET_ACCESS_KEY", "local");
    set("AWS_ENDPOINT_URL", &Note::read(&cloud.data).map(|note| note.url).unwrap_or_default());
    set("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin");
    set("LANG", "en_US.UTF-8");
    set("TZ", ":UTC");
    all
}

/// A stream in the function's log group.
struct Log {
    cloud: Arc<Cloud>,
    account: String,
    region: String,
    group: String,
    stream: String,
    last: Mutex<VecDeque<String>>,
}

impl Log {
    fn of(cloud: &Arc<Cloud>, order: &Order) -> Self {
        let day = Timestamp::now().strftime("%Y/%m/%d");
        Self {
            cloud: Arc::clone(cloud),
            account: order.account.clone(),
            region: order.region.clone(),
            group: order.log_group.clone(),
            stream: format!("{day}/[$LATEST]{}", random_hex(32)),
            last: Mutex::new(VecDeque::new()),
        }
    }

    fn line(&self, text: &str) {
        self.write(&[text.to_owned()]);
    }

    fn write(&self, lines: &[String]) {
        let to = Destination { account: &self.account, region: &self.region, group: &self.group, stream: &self.stream };
        self.cloud.region(&self.account, &self.region, |ctx| ctx.region.logs.write_all(to, ctx.now, lines));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.extend(lines.iter().cloned());
        let surplus = last.len().saturating_sub(LAST);
        last.drain(..surplus);
    }

    /// Takes in what comes from both ends, until both are at their end.
    fn follow(
        self: &Arc<Self>,
        out: Option<impl AsyncRead + Unpin + Send + 'static>,
        err: Option<impl AsyncRead + Unpin + Send + 'static>,
    ) -> Vec<JoinHandle<()>> {
        let (sender, mut lines) = mpsc::channel(1000);
        let log = Arc::clone(self);
        let mut tasks = vec![tokio::spawn(async move {
            let mut batch = Vec::new();
            while lines.recv_many(&mut batch, 1000).await > 0 {
                log.write(&batch);
                batch.clear();
            }
        })];
        tasks.extend(out.map(|out| tokio::spawn(split(out, LONGEST_LINE, sender.clone()))));
        tasks.extend(err.map(|err| tokio::spawn(split(err, LONGEST_LINE, sender))));
        tasks
    }

    fn save(&self) {
        if let Err(cause) = self.cloud.save(&self.account, &self.region) {
            self.cloud.log.line(&cause.to_string());
        }
    }

    fn last(&self) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
