//! With whom snapshots are shared: other accounts restore and copy them in the same region. From other regions the account's own
//! snapshots, and what is shared with it, can be copied. Outside of their own place they are named by their ARNs.

use serde_json::{Value, json};

use super::Snapshot;
use crate::local::rds::{
    arn::account_and_region,
    clusters::key,
    input::{Input, combination, invalid},
};
use crate::local::{
    fault::Fault,
    world::{Ctx, World},
};

/// What makes a snapshot everybody's.
const EVERYBODY: &str = "all";

/// How an account sees a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Own,
    Shared,
    Public,
}

impl Snapshot {
    fn is_public(&self) -> bool {
        self.shared.iter().any(|account| account == EVERYBODY)
    }

    /// How the account sees it; `None` if it does not.
    pub(super) fn sight(&self, account: &str) -> Option<Sight> {
        match () {
            () if account_and_region(&self.arn).is_some_and(|(owner, _)| owner == account) => Some(Sight::Own),
            () if self.automated || !self.phase.is("available") => None,
            () if self.shared.iter().any(|one| one == account) => Some(Sight::Shared),
            () if self.is_public() => Some(Sight::Public),
            () => None,
        }
    }

    /// As an account sees it: another one by its ARN, and without its tags.
    pub(super) fn view_for(&self, account: &str, kind: &str) -> Value {
        let mut view = self.view();
        view["SnapshotType"] = json!(kind);
        if self.sight(account) != Some(Sight::Own) {
            view["DBClusterSnapshotIdentifier"] = json!(self.arn);
            view["TagList"] = json!([]);
        }
        view
    }
}

/// Whether an action may name what is in another account or region.
pub(crate) fn looks_abroad(action: &str) -> bool {
    ["CopyDBClusterSnapshot", "DescribeDBClusterSnapshots", "RestoreDBClusterFromSnapshot"].contains(&action)
}

/// Every snapshot in other accounts and regions that this account may copy.
pub(crate) fn abroad(world: &World, account: &str, region: &str) -> Vec<Snapshot> {
    let regions = world.accounts.iter().flat_map(|(owner, content)| {
        let elsewhere = move |(name, _): &(&String, _)| owner != account || *name != region;
        content.regions.iter().filter(elsewhere).map(|(_, place)| &place.rds)
    });
    let snapshots = regions.flat_map(|store| store.snapshots.values());
    snapshots.filter(|snapshot| !snapshot.automated && snapshot.sight(account).is_some()).cloned().collect()
}

impl Ctx<'_> {
    /// The snapshot that is named: the account's own in this region, or any other that it may copy, by its ARN.
    pub(super) fn snapshot_anywhere(&self, name: &str) -> Result<Snapshot, Fault> {
        let store = &self.region.rds;
        let other = || store.abroad.iter().find(|snapshot| snapshot.arn == name);
        store.snapshot(name).or_else(|absent| other().ok_or(absent)).cloned()
    }

    /// The same, if it is in this region.
    pub(super) fn snapshot_here(&self, name: &str) -> Result<Snapshot, Fault> {
        let snapshot = self.snapshot_anywhere(name)?;
        let is_here = account_and_region(&snapshot.arn).is_some_and(|(_, region)| region == self.region_name);
        if is_here { Ok(snapshot) } else { Err(super::absent(name)) }
    }

    /// The snapshots of others in this region, and of the account's own those that are public.
    pub(super) fn offered_snapshots(&self) -> impl Iterator<Item = (&Snapshot, Sight)> {
        let store = &self.region.rds;
        let is_here =
            |snapshot: &&Snapshot| account_and_region(&snapshot.arn).is_some_and(|(_, it)| it == self.region_name);
        let others = store.abroad.iter().filter(is_here);
        let sight = |snapshot| Some((snapshot, Snapshot::sight(snapshot, self.account)?));
        let own = store.snapshots.values().filter(|own| own.is_public()).map(|own| (own, Sight::Public));
        others.filter_map(sight).chain(own)
    }
}

/// `ModifyDBClusterSnapshotAttribute`: who else may restore it, by account, or `all`.
pub(crate) fn share(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBClusterSnapshotIdentifier")?;
    let snapshot = ctx.region.rds.snapshot(name)?;
    if input.required("AttributeName")? != "restore" {
        return Err(invalid("The parameter AttributeName must be restore."));
    }
    let add = input.texts("ValuesToAdd").unwrap_or_default();
    let remove = input.texts("ValuesToRemove").unwrap_or_default();
    let is_account =
        |text: &String| text == EVERYBODY || text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(wrong) = add.iter().chain(&remove).find(|text| !is_account(text)) {
        return Err(invalid(format!("Invalid account id: {wrong}. It has to be 12 digits, or {EVERYBODY}.")));
    }
    snapshot.check_available()?;
    if snapshot.automated {
        return Err(Fault::new("InvalidDBClusterSnapshotStateFault", "Only manual snapshots may be shared."));
    }
    if let Some(kms_key_id) = snapshot.kms_key().filter(|_| !add.is_empty()) {
        if kms_key_id == ctx.default_key() {
            return Err(combination(
                "Sharing snapshots encrypted with the default service key for RDS is currently not supported.",
            ));
        }
        if add.iter().any(|account| account == EVERYBODY) {
            return Err(combination("Encrypted snapshots cannot be shared with everybody."));
        }
    }
    let snapshot = ctx.region.rds.snapshots.get_mut(&key(name)).ok_or_else(|| super::absent(name))?;
    snapshot.shared.retain(|account| !remove.contains(account) && !add.contains(account));
    snapshot.shared.extend(add);
    Ok(snapshot.attributes())
}

/// `DescribeDBClusterSnapshotAttributes`.
pub(crate) fn attributes(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Ok(ctx.region.rds.snapshot(input.required("DBClusterSnapshotIdentifier")?)?.attributes())
}
