//! Where one call runs: a process of the function's `bootstrap` with a runtime API of its own, its output in the log group.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    io::AsyncRead,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    invoke::{Answer, Order},
    report::{self, Failure, Report},
    runtime::Runtime,
};
use crate::local::{
    cloud::Cloud,
    daemon::Note,
    fault::Fault,
    lines::split,
    logs::Destination,
    members::random_hex,
    process::{End, Process, Start},
};

/// How many lines of the log are remembered for the answer.
const LAST: usize = 100;
/// A longer line is cut in two: what one event of AWS's takes.
const LONGEST_LINE: usize = 256 << 10;

/// How long a function may take until it asks for its first call, where its own time is not longer.
const LONGEST_INIT: Duration = Duration::from_secs(10);
/// How often it is looked how much memory a function has: what has ended can no longer be asked.
const LOOKING: Duration = Duration::from_millis(500);

/// Runs one call to its end, which is `limit` after the function asked for it at the latest, and writes its log. Without a
/// folder there is no code.
pub(super) async fn run(
    cloud: &Arc<Cloud>,
    order: &Order,
    folder: Option<&Path>,
    limit: Duration,
) -> Result<Answer, Fault> {
    let log = Arc::new(Log::of(cloud, order));
    // Every call starts a process of its own. What happens before a call is not in the end of the log that its answer brings.
    log.put(&[report::init_start(order)]);
    let mut course = Course { begun: Instant::now(), fetched: None, used: 0 };
    let ended = match report::entrypoint(folder) {
        Ok(folder) => call(&log, order, folder, limit, &mut course)
            .await
            .map_err(|error| Fault::internal("lambda", format!("The function could not be run: {error}")))?,
        Err(nothing) => Err(nothing),
    };
    if course.fetched.is_none() {
        log.begin(&order.request);
    }
    let failure = ended.as_ref().err();
    log.write(&failure.map(|failure| failure.lines(&order.request)).unwrap_or_default());
    log.line(&format!("END RequestId: {}", order.request));
    let init = course.fetched.map(|at| at - course.begun);
    let duration = course.begun.elapsed().saturating_sub(init.unwrap_or_default());
    log.line(&Report { order, init, duration, used: course.used.max(1), failure }.to_string());
    log.save();
    let mut answer = ended.unwrap_or_else(|failure| failure.answer(&order.request));
    answer.log = log.last();
    Ok(answer)
}

/// What is told of a call at its end.
struct Course {
    /// When its process was started.
    begun: Instant,
    /// When it asked for its call.
    fetched: Option<Instant>,
    /// Megabytes.
    used: u64,
}

/// Starts the function's process, and waits for its answer or its end.
async fn call(
    log: &Arc<Log>,
    order: &Order,
    folder: &Path,
    limit: Duration,
    course: &mut Course,
) -> std::io::Result<Result<Answer, Failure>> {
    let (told, fetched) = watch::channel(None);
    let begin = {
        let (log, request) = (Arc::clone(log), order.request.clone());
        move || {
            log.begin(&request);
            told.send_replace(Some(Instant::now()));
        }
    };
    let (runtime, mut answered) = Runtime::start(order, limit, begin).await?;
    let environment = variables(&log.cloud, order, folder, &runtime.address, &log.stream);
    let start = Start { command: "exec ./bootstrap".to_owned(), dir: folder.to_owned(), environment };
    course.begun = Instant::now();
    let (mut process, out, err) = Process::start(&start)?;
    let listening = log.follow(out, err);
    let mut asking = fetched.clone();
    let expired = async {
        // Whoever does not ask for its call in time is not given more of it.
        let asked = tokio::time::timeout(limit.max(LONGEST_INIT), asking.wait_for(Option::is_some)).await.is_ok();
        if asked {
            tokio::time::sleep(limit).await;
        }
    };
    tokio::pin!(expired);
    let mut looking = tokio::time::interval(LOOKING);
    let ended = loop {
        tokio::select! {
            biased;
            answer = &mut answered => {
                let gone = |_| Failure::Exit(End::Other("the runtime has gone".to_owned()));
                course.used = course.used.max(report::memory(process.group()));
                break answer.map_err(gone);
            }
            how = process.ended() => break Err(Failure::Exit(how)),
            () = &mut expired => {
                course.used = course.used.max(report::memory(process.group()));
                break Err(Failure::Timeout(order.timeout));
            }
            _ = looking.tick() => course.used = course.used.max(report::memory(process.group())),
        }
    };
    process.stop().await;
    drop(runtime);
    let _ = tokio::time::timeout(Duration::from_secs(2), futures::future::join_all(listening)).await;
    course.fetched = *fetched.borrow();
    Ok(ended)
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

    fn begin(&self, request: &str) {
        self.line(&format!("START RequestId: {request} Version: $LATEST"));
    }

    fn line(&self, text: &str) {
        self.write(&[text.to_owned()]);
    }

    fn write(&self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.put(lines);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.extend(lines.iter().cloned());
        let surplus = last.len().saturating_sub(LAST);
        last.drain(..surplus);
    }

    /// Writes lines without remembering them.
    fn put(&self, lines: &[String]) {
        let to = Destination { account: &self.account, region: &self.region, group: &self.group, stream: &self.stream };
        self.cloud.region(&self.account, &self.region, |ctx| ctx.region.logs.write_all(to, ctx.now, lines));
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
