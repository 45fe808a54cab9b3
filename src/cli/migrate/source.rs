//! Which folder goes to which ledger in which database: from the command line, the environment, or a stack.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic as _, miette};

use crate::{
    cli::{
        Failure, outputs,
        survey::{CloudArgs, StackArgs, Stage},
    },
    engine::scope::Known,
    migrate::{Client, ConnectError, Folder, Ledger, Roots, Secret, Target, Tls, target::CONNECT_TIMEOUT},
    stack,
};

/// Folder, ledger and database.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// The folder that drizzle-kit writes to. Left out: `migrations.folder` of the stack description.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// The table of applied migrations. Left out: the stack description's, else drizzle.__drizzle_migrations.
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = ledger_name)]
    ledger: Option<Ledger>,

    /// The database: postgres://user:password@host:port/name, with sslmode=disable for a server without TLS on this machine,
    /// sslrootcert=FILE for a CA of one's own. Left out: DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD, PGSSLMODE,
    /// PGSSLROOTCERT. A password is better given in DATABASE_URL or DB_PASSWORD: arguments are visible to others.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    url: Option<String>,

    /// The database of this stack: through its proxy, with the credentials in its secret.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    stack: Option<PathBuf>,

    /// One JSON object a line.
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    cloud: CloudArgs,
}

/// A folder read and a database connected.
pub(super) struct Source {
    pub(super) folder: Folder,
    pub(super) ledger: Ledger,
    pub(super) client: Client,
}

/// The description that is looked at where the command line does not say the folder.
const DESCRIPTION: &str = "stack.yaml";

impl Source {
    /// Which folder goes where, in one line.
    pub(super) fn heading(&self) -> String {
        let Target { user, host, port, dbname, .. } = self.client.target();
        format!("{} → {user}@{host}:{port}/{dbname}", self.folder.path.display())
    }

    /// Reads the folder first: what is wrong with it is said without a database.
    pub(super) async fn open(args: &SourceArgs) -> Result<Self, Failure> {
        let (path, ledger) = folder_and_ledger(args)?;
        let folder = Folder::read(&path).map_err(|error| Failure::Input(error.into()))?;
        let target = match &args.stack {
            Some(file) => of_stack(file, &args.cloud).await?,
            None => of_command_line(args)?,
        };
        let client = Client::connect(&target).await.map_err(|error| unconnected(error, args.stack.is_some()))?;
        Ok(Source { folder, ledger, client })
    }
}

fn folder_and_ledger(args: &SourceArgs) -> Result<(PathBuf, Ledger), Failure> {
    let beside = Path::new(DESCRIPTION);
    let file = args.stack.as_deref().or(beside.is_file().then_some(beside));
    let needed = args.folder.is_none() || args.ledger.is_none();
    let described = match file.filter(|_| needed) {
        Some(file) => stack::load(&stack::Sources::new(file, &[])).map_err(Failure::Invalid)?.description.migrations,
        None => None,
    };
    let ledger = described.as_ref().map(|migrations| Ledger {
        schema: migrations.ledger.schema.as_str().to_owned(),
        table: migrations.ledger.table.as_str().to_owned(),
    });
    let folder = args.folder.clone().or(described.map(|migrations| migrations.folder)).ok_or_else(|| {
        Failure::Input(miette!(
            help = "Give --folder DIR: `out` in drizzle.config.ts. (Or write it to stack.yaml, as migrations.folder.)",
            "Which folder holds the migrations?"
        ))
    })?;
    Ok((folder, args.ledger.clone().or(ledger).unwrap_or_default()))
}

fn of_command_line(args: &SourceArgs) -> Result<Target, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let target = match &args.url {
        Some(url) => Target::from_url(url, variable("PGSSLROOTCERT").map(PathBuf::from)),
        None => Target::from_variables(variable),
    };
    target.map_err(|error| Failure::Input(miette::Report::msg(error.to_string())))
}

/// The proxy and the secret that the stack has in AWS.
async fn of_stack(file: &Path, cloud: &CloudArgs) -> Result<Target, Failure> {
    let args = StackArgs { file: file.into(), set: Vec::new(), skip_migrations: true, cloud: cloud.clone() };
    let stage = Box::pin(Stage::open(&args)).await?;
    let known: Known = stage.live().await?.into_iter().map(|seen| (seen.address, seen.outputs)).collect();
    let outputs = outputs::of(&stage, &known);
    let output = |name: &str| {
        outputs.get(name).cloned().ok_or_else(|| {
            miette!(
                help = "Run `infra deploy` first.",
                "The stack {} has no {} yet.",
                stage.name(),
                name.replace('_', " ")
            )
        })
    };
    let (host, port, dbname) = (output("proxy_endpoint")?, output("database_port")?, output("database_name")?);
    let call = stage.aws.secretsmanager.get_secret_value().secret_id(output("secret_arn")?);
    let secret = call.send().await.map_err(crate::aws::Error::from)?;
    // What the parser says could quote the secret, so it is not passed on.
    let credentials: serde_json::Value =
        serde_json::from_str(secret.secret_string().unwrap_or_default()).unwrap_or_default();
    let part = |name: &str| {
        let text = credentials.get(name).and_then(serde_json::Value::as_str);
        text.map(str::to_owned).ok_or_else(|| miette!("The stack's secret has no {name}."))
    };
    let ca = stage.ca().map(Path::to_path_buf);
    Ok(Target {
        host,
        port: port.parse().into_diagnostic()?,
        dbname,
        user: part("username")?,
        password: Secret::new(part("password")?),
        tls: Tls::Verify(ca.map_or(Roots::Public, Roots::PublicAnd)),
        connect_timeout: CONNECT_TIMEOUT,
    })
}

fn unconnected(error: ConnectError, stack: bool) -> Failure {
    let aws = matches!(&error, ConnectError::Unreachable { host, .. } if stack || host.ends_with(".rds.amazonaws.com"));
    if aws {
        let help = "An RDS Proxy can be reached from inside its VPC only. Run this there: a CI runner in the VPC, a bastion, \
                    CloudShell with a VPC environment.";
        return Failure::Other(miette!(help = help, "{error}"));
    }
    Failure::Other(error.into())
}

/// The ledger from the command line.
fn ledger_name(text: &str) -> Result<Ledger, String> {
    text.parse()
}
