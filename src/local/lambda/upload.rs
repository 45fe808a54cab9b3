//! A function's code comes and goes: it is unpacked where nobody waits for it, outside of the state, and none is removed before
//! the state that no longer names it was saved.

use std::{fs::File, path::PathBuf, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    change, check,
    code::{self, Code},
    name::Name,
};
use crate::local::{cloud::Cloud, fault::Fault, world::Ctx};

/// The function that code is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) name: Name,
}

impl Place {
    pub(super) fn of(ctx: &Ctx<'_>, name: Name) -> Self {
        Self { account: ctx.account.to_owned(), region: ctx.region_name.to_owned(), name }
    }

    /// Removes what the function no longer needs of its code: what its calls do not run, and its state does not name.
    pub(super) fn sweep(&self, cloud: &Cloud) {
        // The state stays as it is for as long as it takes to put a folder aside, and not while that one is removed.
        drop(cloud.region(&self.account, &self.region, |ctx| code::set_aside(ctx.data, self, self.needed(ctx))));
    }

    /// The folder with the code that a call is to run, for as long as the file is held: the one that it was made for or, where
    /// that went before the call began, what the function has now.
    pub(super) fn hold(&self, cloud: &Cloud, sha256: &str) -> Option<(PathBuf, File)> {
        let held = |sha256: &str| {
            let folder = code::folder(&cloud.data, self, sha256);
            code::hold(&folder).map(|held| (folder, held))
        };
        // Nothing is put aside meanwhile.
        cloud.region(&self.account, &self.region, |ctx| held(sha256).or_else(|| held(self.needed(ctx)?)))
    }

    fn needed<'a>(&self, ctx: &'a Ctx<'_>) -> Option<&'a str> {
        ctx.region.lambda.functions.get(self.name.as_str()).map(|function| function.sha256.as_str())
    }
}

/// Whether a function is made, or gets other code.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Purpose {
    Create,
    Update,
}

/// What a checked call asks for, whose code is still packed.
#[derive(Deserialize)]
struct Upload {
    purpose: Purpose,
    place: Place,
    /// In base64.
    zip: String,
    input: Value,
    failure: Option<String>,
}

impl Upload {
    /// As an action's answer, from which [`run`] goes on. Nothing is copied: the code may be large.
    fn order(ctx: &mut Ctx<'_>, purpose: Purpose, name: Name, zip: Value, input: Value) -> Value {
        let mut order = Map::new();
        order.insert("purpose".to_owned(), json!(purpose));
        order.insert("place".to_owned(), json!(Place::of(ctx, name)));
        order.insert("zip".to_owned(), zip);
        order.insert("input".to_owned(), input);
        order.insert("failure".to_owned(), json!(ctx.doom.take()));
        order.into()
    }

    /// Does what was asked for, as far as it can still be done.
    fn finish(&self, ctx: &mut Ctx<'_>, code: Code) -> Result<Value, Fault> {
        let failure = self.failure.clone();
        match self.purpose {
            Purpose::Create => change::created(ctx, &self.input, code, failure),
            Purpose::Update => change::updated(ctx, &self.input, code, failure),
        }
    }
}

fn read<T: DeserializeOwned>(order: Value) -> Result<T, Fault> {
    serde_json::from_value(order).map_err(broken)
}

fn broken(error: impl ToString) -> Fault {
    Fault::internal("lambda", error.to_string())
}

/// `CreateFunction`, checked.
pub(super) fn create(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let zip = input["Code"]["ZipFile"].take();
    let (name, _) = change::draft(ctx, &input)?;
    check::source(&input["Code"], &zip)?;
    Ok(Upload::order(ctx, Purpose::Create, name, zip, input))
}

/// `UpdateFunctionCode`, checked.
pub(super) fn update(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let zip = input["ZipFile"].take();
    let name = change::code_draft(ctx, &input)?.name()?;
    check::source(&input, &zip)?;
    Ok(Upload::order(ctx, Purpose::Update, name, zip, input))
}

/// Carries an upload out.
pub(super) fn run(cloud: Arc<Cloud>, order: Value) -> BoxFuture<'static, Result<Value, Fault>> {
    aside(move || {
        let upload: Upload = read(order)?;
        let code = code::unpack(&cloud.data, &upload.zip)?;
        let Place { account, region, .. } = &upload.place;
        let outcome = cloud.change(account, region, |ctx| upload.finish(ctx, code));
        let output = outcome.map_err(|error| Fault::unsaved("lambda", &error))??;
        cloud.wake();
        upload.place.sweep(&cloud);
        Ok(output)
    })
}

/// `DeleteFunction`: the state no longer has it.
pub(super) fn remove(cloud: Arc<Cloud>, place: Value) -> BoxFuture<'static, Result<Value, Fault>> {
    aside(move || {
        read::<Place>(place)?.sweep(&cloud);
        Ok(json!({"StatusCode": 204}))
    })
}

/// Has files worked on where nobody else waits for it.
fn aside(work: impl FnOnce() -> Result<Value, Fault> + Send + 'static) -> BoxFuture<'static, Result<Value, Fault>> {
    async move { tokio::task::spawn_blocking(work).await.map_err(broken)? }.boxed()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What [`run`] does up to where the state is saved.
    pub(in super::super) fn unsaved(ctx: &mut Ctx<'_>, order: Value) -> Result<Value, Fault> {
        let upload: Upload = read(order)?;
        let code = code::unpack(ctx.data, &upload.zip)?;
        let output = upload.finish(ctx, code)?;
        Ok(json!({"place": upload.place, "output": output}))
    }

    /// What it does afterwards.
    pub(in super::super) fn saved(ctx: &mut Ctx<'_>, place: Value) -> Result<Value, Fault> {
        let place: Place = read(place)?;
        drop(code::set_aside(ctx.data, &place, place.needed(ctx)));
        Ok(Value::Null)
    }
}
