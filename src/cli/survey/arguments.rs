//! Which stack, in which cloud: the arguments of every verb on one, and how they are handed on to other commands.

use std::path::PathBuf;

use clap::Args;

use crate::render::command::Given;

/// Which stack, in which cloud.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct StackArgs {
    /// The stack description; `-` reads it from standard input.
    #[arg(value_name = "FILE", default_value = "stack.yaml", hide_default_value = false)]
    pub(crate) file: PathBuf,

    /// Set a value of the description, e.g. `--set service.image=public.ecr.aws/x/y:1`. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,

    /// Leave out the migrations; apply them elsewhere with `infra migrate apply`.
    #[arg(long)]
    pub(crate) skip_migrations: bool,

    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}

/// Which cloud.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CloudArgs {
    /// Use the local cloud on this machine, and start it if it is not running.
    #[arg(long, conflicts_with = "endpoint_url")]
    pub(crate) local: bool,

    /// The folder of the local cloud.
    #[arg(long, value_name = "DIR", env = "INFRA_LOCAL_DATA", default_value = crate::local::client::DATA, hide = true)]
    pub(crate) local_data: PathBuf,

    /// Call this endpoint instead of AWS (any LocalStack-compatible one works; same as AWS_ENDPOINT_URL).
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    pub(crate) endpoint_url: Option<String>,
}

impl StackArgs {
    /// What another verb is to be given for the same stack in the same cloud, with a blank before each.
    fn for_others(&self) -> String {
        let file = match self.file.to_str() {
            Some("stack.yaml") => String::new(),
            _ => format!(" {}", self.file.display()),
        };
        file + &self.cloud.for_others()
    }

    /// The command that deploys the stack.
    pub(in crate::cli) fn deploy(&self) -> String {
        format!("infra deploy{}", self.for_others())
    }

    /// The command that does this with the stack's migrations alone.
    pub(super) fn migrate(&self, verb: &str) -> String {
        format!("infra migrate {verb}{}", self.for_migrations())
    }

    fn for_migrations(&self) -> String {
        format!(" --stack {}{}", self.file.display(), self.cloud.for_others())
    }

    /// The commands that are told with what finds this stack.
    pub(in crate::cli) fn commands(&self) -> Given {
        let [stack, migrations] = [self.for_others(), self.for_migrations()];
        let of_stack =
            ["deploy", "destroy", "diff", "import", "outputs", "status", "unlock"].map(|verb| (verb, stack.clone()));
        let of_migrations = ["migrate apply", "migrate status"].map(|verb| (verb, migrations.clone()));
        Given {
            arguments: of_stack.into_iter().chain(of_migrations).collect(),
            everywhere: true,
            tools: self.cloud.tools(),
        }
    }
}

impl CloudArgs {
    /// How AWS's own tool finds this cloud, where it does not by itself.
    pub(in crate::cli) fn tools(&self) -> Option<String> {
        self.local.then(|| crate::cli::local::tools(&self.local_data))
    }

    /// What another verb is to be given for the same cloud, with a blank before each.
    pub(in crate::cli) fn for_others(&self) -> String {
        match (&self.endpoint_url, self.local) {
            (Some(url), _) => format!(" --endpoint-url {url}"),
            (None, true) => " --local".to_owned(),
            (None, false) => String::new(),
        }
    }
}

/// An endpoint that can be called; what is none would be found out only by the first call, in other words.
pub(super) fn endpoint_url(text: &str) -> Result<String, String> {
    let uri: hyper::Uri = text.parse().map_err(|error| format!("this is no URL ({error}); write http://HOST:PORT"))?;
    match (uri.scheme_str(), uri.host()) {
        // A port that is none is dropped by the parser.
        (_, Some(host)) if uri.port().is_none() && text.contains(&format!("{host}:")) => {
            Err("a port is a number from 1 to 65535".to_owned())
        }
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(text.to_owned()),
        _ => Err("an endpoint begins with http:// or https://, as in http://127.0.0.1:4566".to_owned()),
    }
}
