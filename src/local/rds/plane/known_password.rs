//! Which of the API's passwords a server's master user was given last: noted in RDS's own database, so that it goes wherever the
//! data goes. Its user may have chosen another one since by SQL, which stands until a call gives one anew, as in RDS.

use sha2::{Digest as _, Sha256};
use tokio_postgres::{Client, Error};

use super::postgres::Wanted;
use crate::local::members::random_hex;

/// What a server knows of it.
pub(super) struct Known {
    salt: String,
    digest: String,
}

/// In hexadecimal.
pub(super) fn digest(what: &impl std::fmt::Debug) -> String {
    Sha256::digest(format!("{what:?}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Known {
    fn new(wanted: &Wanted, salt: String) -> Self {
        let digest = digest(&(&salt, &wanted.username, &wanted.password.0, wanted.passwords));
        Self { salt, digest }
    }

    /// Whether it is the password that is wanted, given as often.
    pub(super) fn is_of(&self, wanted: &Wanted) -> bool {
        Self::new(wanted, self.salt.clone()).digest == self.digest
    }

    /// Nothing where nobody has been given one.
    pub(super) async fn read(client: &Client) -> Result<Option<Self>, Error> {
        client.batch_execute("CREATE TABLE IF NOT EXISTS public.master_user (salt text, digest text)").await?;
        let row = client.query_opt("SELECT salt, digest FROM public.master_user", &[]).await?;
        row.map(|row| Ok(Self { salt: row.try_get(0)?, digest: row.try_get(1)? })).transpose()
    }

    /// Notes that its user has been given the password.
    pub(super) async fn write(client: &Client, wanted: &Wanted) -> Result<(), Error> {
        let Self { salt, digest } = Self::new(wanted, random_hex(32));
        let noted = format!("INSERT INTO public.master_user VALUES ('{salt}', '{digest}')");
        // All of it or nothing: together they are one transaction.
        client.batch_execute(&format!("DELETE FROM public.master_user; {noted}")).await
    }
}
