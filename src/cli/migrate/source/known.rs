//! A folder that cannot be used is told with what the ledger has of it, wherever a database answers.

use crate::{
    cli::Failure,
    migrate::{Client, FolderError, Ledger},
};

/// What was read; an error at once, unless the ledger tells more of it.
pub(super) fn told_by_ledger<T>(read: Result<T, FolderError>) -> Result<Result<T, FolderError>, Failure> {
    match read {
        Err(error) if !error.is_for_ledger() => Err(Failure::Input(error.into())),
        read => Ok(read),
    }
}

/// What was read and a database; where there is none, what is wrong with what was read goes first.
pub(super) fn both<T>(
    read: Result<T, FolderError>,
    client: Result<Client, Failure>,
) -> Result<(Result<T, FolderError>, Client), Failure> {
    match (read, client) {
        (Err(error), Err(_)) => Err(Failure::Input(error.into())),
        (read, client) => Ok((read, client?)),
    }
}

/// What was read, or why that cannot be used with what the ledger has of it.
pub(in crate::cli::migrate) async fn known<T>(
    read: Result<T, FolderError>,
    ledger: &Ledger,
    client: &Client,
) -> Result<T, Failure> {
    let error = match read {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    Err(Failure::Input(match ledger.read(client).await {
        Ok(contents) => error.beside(ledger, &contents).into(),
        // The folder comes first.
        Err(_) => error.into(),
    }))
}
