//! Which folder goes to which ledger in which database: from the command line, the environment, or a stack.

mod config;
mod known;
mod stack;

use std::path::{Path, PathBuf};

use console::style;
pub(super) use known::known;
use known::{both, told_by_ledger};
use miette::miette;

use super::{read_failed, variables};
use crate::{
    cli::{Failure, survey::CloudArgs},
    migrate::{
        Client, ConnectError, Folder, FolderError, Ledger, Target,
        config::Config,
        folder::Missing,
        plan::{MissingStatus, plan},
        roots::RDS_DOMAIN,
    },
    stack::{Migrations, Runner, Sources, load_migrations},
};

/// The folder alone, for what needs no database.
#[derive(Debug, clap::Args)]
pub(super) struct FolderArgs {
    /// The folder that drizzle-kit writes to. Default: `migrations.folder` in the stack description.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// The stack description that names the folder. Default: stack.yaml, if there is one.
    #[arg(long, value_name = "FILE")]
    stack: Option<PathBuf>,

    /// Set a value of the description, e.g. `--set migrations.folder=drizzle`. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl FolderArgs {
    /// The folder, read and checked.
    pub(super) fn read(&self) -> Result<Folder, Failure> {
        Folder::read(&self.path()?).map_err(|error| Failure::Input(error.into()))
    }

    /// What another verb is to be given for the same, with a blank before each.
    pub(super) fn for_others(&self) -> String {
        options(places(self.folder.as_deref(), self.stack.as_deref()), &self.set)
    }

    /// Where it is, or is to be.
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        let described = described(self.stack.as_deref(), &self.set, self.folder.is_none())?;
        folder(self.folder.as_deref(), described.as_ref())
    }
}

/// Folder, ledger and database.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// The folder that drizzle-kit writes to. Default: `migrations.folder` in the stack description.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// The table of applied migrations. Default: as in the stack description, or drizzle.__drizzle_migrations.
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = ledger_name)]
    ledger: Option<Ledger>,

    /// The database: postgres://user:password@host:port/name, with sslmode=disable for a server without TLS on this machine,
    /// sslrootcert=FILE for a CA of your own. Default: DATABASE_URL, or DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD,
    /// PGSSLMODE and PGSSLROOTCERT, from the environment or the file .env.local. Better put a password there: others can see arguments.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// The database of this stack, through its proxy, with the credentials in its secret.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    stack: Option<PathBuf>,

    /// Set a value of the stack description, e.g. `--set stack=shop-staging`. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// Print one JSON object per line.
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    cloud: CloudArgs,
}

/// A folder read and a database connected.
pub(super) struct Source {
    /// The section `migrations` of the description, where one was read.
    pub(super) described: Option<Migrations>,
    pub(super) folder: Folder,
    pub(super) ledger: Ledger,
    pub(super) client: Client,
    /// The arguments by which another verb finds the same.
    given: String,
}

/// The description that is looked at where the command line does not say the folder.
pub(super) const DESCRIPTION: &str = "stack.yaml";

impl Source {
    /// Which folder goes where, in one line.
    pub(super) fn heading(&self) -> String {
        let Target { user, host, port, dbname, .. } = self.client.target();
        format!("{} → {user}@{host}:{port}/{dbname}", self.folder.path.display())
    }

    /// The command for the same folder and database, to be copied.
    pub(super) fn command(&self, verb: &str) -> String {
        format!("infra migrate {verb}{}", self.given)
    }

    /// What is wrong with the folder is said without a database.
    pub(super) async fn open(args: &SourceArgs) -> Result<Self, Failure> {
        let (described, ledger) = args.described()?;
        let path = folder(args.folder.as_deref(), described.as_ref())?;
        args.compare(&path, &ledger);
        let read = path.clone();
        let (read, client) = match args.connect_meanwhile(move || Folder::survey(&read)).await {
            Ok(both) => both,
            Err(failure) => {
                // A file that is missing is said without a database as well.
                Folder::read(&path).map_err(|error| Failure::Input(error.into()))?;
                return Err(failure);
            }
        };
        let (folder, missing) = known(read, &ledger, &client).await?;
        let source = Source { client, described, folder, ledger, given: args.for_others() };
        if missing.is_empty() { Ok(source) } else { Err(source.without_files(missing).await) }
    }

    /// Which files are missing, and whether the ledger has their migrations.
    async fn without_files(self, missing: Vec<Missing>) -> Failure {
        let contents = match self.ledger.read(&self.client).await {
            Ok(contents) => contents,
            Err(error) => return read_failed(error),
        };
        let mut plan = plan(&self.folder, &contents);
        plan.account_for(missing, self.folder.layout);
        let known = |it: &MissingStatus| if it.applied { "has its row" } else { "has no row of it" };
        let each: Vec<String> = plan
            .missing
            .iter()
            .map(|it| {
                let (tag, path) = (&it.tag, it.path.display());
                format!(
                    "The migration {tag} has no file: {path} does not exist. The ledger {} {}.",
                    self.ledger,
                    known(it)
                )
            })
            .collect();
        let help = match plan.missing.iter().any(|it| it.applied) {
            true => {
                "Restore the file from version control: what was applied is known by it alone, and nothing is applied without it."
            }
            false => {
                "Restore the file from version control; or, if the migration is not wanted, remove its entry from the journal \
                 (in the layout of v1, its folder)."
            }
        };
        Failure::Input(miette!(help = help, "{}", each.join("\n")))
    }

    /// The same for looking only: the migrations whose files are missing come apart.
    pub(super) async fn survey(args: &SourceArgs) -> Result<(Self, Vec<Missing>), Failure> {
        let (described, ledger) = args.described()?;
        let path = folder(args.folder.as_deref(), described.as_ref())?;
        args.compare(&path, &ledger);
        let (read, client) = args.connect_meanwhile(move || Folder::survey(&path)).await?;
        let (folder, missing) = known(read, &ledger, &client).await?;
        Ok((Source { client, described, folder, ledger, given: args.for_others() }, missing))
    }
}

impl SourceArgs {
    /// The description's section, the folder and the ledger, for what may do without a database.
    pub(super) fn places(&self) -> Result<(Option<Migrations>, PathBuf, Ledger), Failure> {
        let described = described(self.stack()?, &self.set, true)?;
        let path = folder(self.folder.as_deref(), described.as_ref())?;
        let ledger = self.ledger.clone().or(described.as_ref().map(of_description)).unwrap_or_default();
        Ok((described, path, ledger))
    }

    /// Whether the command line says which database it is.
    pub(super) fn says_database(&self) -> bool {
        self.url.is_some() || self.stack.is_some() || self.names_cloud()
    }

    /// Whether a database is named, by arguments, the environment or `.env.local`.
    pub(super) fn names_database(&self) -> bool {
        self.says_database() || variables::name_database()
    }

    /// The ledger and the database, where the folder does not matter.
    pub(super) async fn ledger_alone(&self) -> Result<(Ledger, Client), Failure> {
        let (_, ledger) = self.described()?;
        Ok((ledger, self.connect().await?))
    }

    fn described(&self) -> Result<(Option<Migrations>, Ledger), Failure> {
        let described = described(self.stack()?, &self.set, self.folder.is_none() || self.ledger.is_none())?;
        let ledger = self.ledger.clone().or(described.as_ref().map(of_description)).unwrap_or_default();
        Ok((described, ledger))
    }

    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let (_, client) = self.connect_meanwhile(|| Ok(())).await?;
        Ok(client)
    }

    /// Connects while something is read; only a stack's database is looked for afterwards, as that asks AWS. What is wrong with what
    /// was read is the error wherever no database answers; where one does, it comes back if the ledger tells more of it.
    async fn connect_meanwhile<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, FolderError> + Send + 'static,
    ) -> Result<(Result<T, FolderError>, Client), Failure> {
        let reading = tokio::task::spawn_blocking(read);
        let read = async { told_by_ledger(joined(reading).await) };
        if let Some(file) = self.stack()? {
            let read = read.await?;
            return both(read, stack::connect(file, &self.set, &self.cloud).await);
        }
        let named = variables::database(self.url.as_deref());
        let connecting = named.as_ref().ok().map(|(_, target)| {
            let target = target.clone();
            tokio::spawn(async move { Client::connect(&target).await })
        });
        let read = read.await?;
        let (origin, target) = match named {
            Ok(named) => named,
            Err(failure) => return both(read, Err(failure)),
        };
        if let Some(origin) = origin {
            self.tell(&origin, &target);
        }
        let client = match connecting {
            Some(task) => joined(task).await,
            None => Client::connect(&target).await,
        };
        both(read, client.map_err(unconnected))
    }

    /// Whether it is said in which cloud the stack is.
    fn names_cloud(&self) -> bool {
        self.cloud.local || self.cloud.endpoint_url.is_some()
    }

    /// The stack whose database it is: the one that is named; where a cloud is named, the one that lies here.
    fn stack(&self) -> Result<Option<&Path>, Failure> {
        let beside = Path::new(DESCRIPTION);
        match &self.stack {
            Some(file) => Ok(Some(file)),
            None if !self.names_cloud() => Ok(None),
            None if self.url.is_none() && beside.is_file() => Ok(Some(beside)),
            None => {
                let help = "Give --stack FILE with it. For a database on its own give --url, and no cloud.";
                let option = if self.cloud.local { "--local" } else { "--endpoint-url" };
                Err(Failure::Input(miette!(
                    help = help,
                    "{option} says in which cloud a stack is, and no stack is named."
                )))
            }
        }
    }
}

/// What became of a task that nobody cancels.
async fn joined<T>(task: tokio::task::JoinHandle<T>) -> T {
    task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The section `migrations` of the description, where it is needed or named.
fn described(stack: Option<&Path>, set: &[String], needed: bool) -> Result<Option<Migrations>, Failure> {
    let beside = Path::new(DESCRIPTION);
    match stack.or((needed && beside.is_file()).then_some(beside)) {
        Some(file) => load_migrations(&Sources::new(file, set)).map_err(Failure::Invalid),
        None if set.is_empty() => Ok(None),
        None => {
            let help = "Name it with --stack FILE.";
            Err(Failure::Input(miette!(help = help, "--set changes a stack description, and none is read here.")))
        }
    }
}

fn folder(given: Option<&Path>, described: Option<&Migrations>) -> Result<PathBuf, Failure> {
    let found = given.or(described.map(|migrations| migrations.folder.as_path()));
    found.map(Path::to_path_buf).ok_or_else(|| {
        let help = match &config::beside() {
            Some((name, Some(config @ Config { out: Some(out), .. }))) => {
                let ledger = config.ledger().map_or_else(String::new, |ledger| format!(" --ledger {ledger}"));
                format!(
                    "{name} seems to say it: --folder {out}{ledger}. Or write it to {DESCRIPTION}, as migrations.folder and \
                     migrations.ledger. It is not run, so what it computes is not known here."
                )
            }
            Some((name, _)) => format!(
                "{name} is here, but what it sets does not stand there as it is, and it is not run. Give --folder with its `out`, and \
                 --ledger with its `migrations.schema` and `migrations.table` where it has them; or write both to {DESCRIPTION}, as \
                 migrations.folder and migrations.ledger."
            ),
            None => format!(
                "Give --folder DIR: `out` in drizzle.config.ts. (Or write it to {DESCRIPTION}, as migrations.folder.)"
            ),
        };
        Failure::Input(miette!(help = help, "Which folder holds the migrations?"))
    })
}

impl SourceArgs {
    /// What another verb is to be given for the same, with a blank before each; a URL, which may hold a password, is hinted at.
    pub(super) fn for_others(&self) -> String {
        let [folder, stack] = places(self.folder.as_deref(), self.stack.as_deref());
        let ledger = ("ledger", self.ledger.as_ref().map(Ledger::to_string));
        let url = ("url", self.url.as_ref().map(|_| "…".to_owned()));
        options([folder, ledger, url, stack], &self.set) + &self.cloud.for_others()
    }

    /// How AWS's own tool finds the stack's cloud, where it does not by itself.
    pub(super) fn tools(&self) -> Option<String> {
        self.cloud.tools()
    }

    /// The same for a verb that takes the folder alone.
    pub(super) fn folder_for_others(&self) -> String {
        options(places(self.folder.as_deref(), self.stack.as_deref()), &self.set)
    }

    /// Says what Drizzle's own configuration has otherwise.
    fn compare(&self, folder: &Path, ledger: &Ledger) {
        if !self.json {
            config::compare(folder, self.folder.is_some(), ledger);
        }
    }

    /// Which database it is, where the command line does not say so.
    fn tell(&self, origin: &str, target: &Target) {
        if !self.json {
            let Target { user, host, port, dbname, .. } = target;
            let text = format!("The database of {origin}: {user}@{host}:{port}/{dbname}");
            crate::render::output::tell(&style(text).dim().to_string());
        }
    }
}

fn unconnected(error: ConnectError) -> Failure {
    match &error {
        ConnectError::Unreachable { host, .. } if host.ends_with(RDS_DOMAIN) => stack::unreached(&error, Runner::Here),
        _ => Failure::Other(error.into()),
    }
}

/// The options that say where the folder is.
fn places(folder: Option<&Path>, stack: Option<&Path>) -> [(&'static str, Option<String>); 2] {
    [("folder", folder), ("stack", stack)].map(|(name, path)| (name, path.map(|path| path.display().to_string())))
}

/// Options as they are typed, with a blank before each.
fn options(given: impl IntoIterator<Item = (&'static str, Option<String>)>, set: &[String]) -> String {
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let set = set.iter().map(|value| ("set", value.clone()));
    given.chain(set).map(|(name, value)| format!(" --{name} {}", typed(&value))).collect()
}

/// A value as a shell takes it for one.
fn typed(value: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./:=…@".contains(letter);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

fn of_description(migrations: &Migrations) -> Ledger {
    Ledger { schema: migrations.ledger.schema.as_str().to_owned(), table: migrations.ledger.table.as_str().to_owned() }
}

/// The ledger from the command line.
fn ledger_name(text: &str) -> Result<Ledger, String> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_as_a_shell_takes_them() {
        for (value, expected) in
            [("drizzle/migrations", "drizzle/migrations"), ("a b", "'a b'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(typed(value), expected);
        }
    }
}
