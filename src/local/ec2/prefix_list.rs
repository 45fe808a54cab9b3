//! The prefix lists that AWS manages: the addresses of S3 and DynamoDB, which gateway endpoints route to.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{call::missing, kind, listing::Listing, view::View};
use crate::local::{fault::Fault, world::Ctx};

/// The services, each with addresses of its own.
const SERVICES: [(&str, &[&str]); 2] =
    [("s3", &["3.5.0.0/19", "16.12.0.0/20", "52.219.0.0/17"]), ("dynamodb", &["3.218.180.0/22", "52.94.0.0/22"])];

/// A prefix list of AWS.
pub(super) struct PrefixList {
    pub(super) id: String,
    name: String,
    cidrs: &'static [&'static str],
}

/// The lists of a region. Their ids are the same for everybody, so they follow from the name.
fn all(region: &str) -> impl Iterator<Item = PrefixList> {
    SERVICES.iter().map(move |(service, cidrs)| {
        let name = format!("com.amazonaws.{region}.{service}");
        let digest = Sha256::digest(&name);
        let id = format!("pl-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
        PrefixList { id, name, cidrs }
    })
}

/// The list that a request names.
pub(super) fn find(region: &str, id: &str) -> Result<PrefixList, Fault> {
    all(region).find(|list| list.id == id).ok_or_else(|| kind::PREFIX_LIST.absent(id))
}

/// The list of a service's addresses, e.g. of `com.amazonaws.eu-central-1.s3`.
pub(super) fn of_service(region: &str, service_name: &str) -> Option<PrefixList> {
    all(region).find(|list| list.name == service_name)
}

static MANAGED: Listing = Listing {
    kind: &kind::PREFIX_LIST,
    items: "PrefixLists",
    ids: "PrefixListIds",
    id: "PrefixListId",
    filters: &[("owner-id", "OwnerId"), ("prefix-list-id", "PrefixListId"), ("prefix-list-name", "PrefixListName")],
};

/// `DescribeManagedPrefixLists`
pub(super) fn describe_managed(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let shown = |list: PrefixList| {
        json!({
            "PrefixListId": list.id,
            "PrefixListName": list.name,
            "PrefixListArn": format!("arn:aws:ec2:{}:aws:prefix-list/{}", view.region, list.id),
            "AddressFamily": "IPv4",
            "State": "create-complete",
            "OwnerId": "AWS",
            "Tags": [],
        })
    };
    MANAGED.answer(&view, input, all(view.region).map(shown))
}

static PREFIX_LISTS: Listing = Listing {
    kind: &kind::PREFIX_LIST,
    items: "PrefixLists",
    ids: "PrefixListIds",
    id: "PrefixListId",
    filters: &[("prefix-list-id", "PrefixListId"), ("prefix-list-name", "PrefixListName")],
};

/// `DescribePrefixLists`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let shown = |list: PrefixList| json!({"PrefixListId": list.id, "PrefixListName": list.name, "Cidrs": list.cidrs});
    PREFIX_LISTS.answer(&view, input, all(view.region).map(shown))
}

static ENTRIES: Listing = Listing { kind: &kind::PREFIX_LIST, items: "Entries", ids: "", id: "Cidr", filters: &[] };

/// `GetManagedPrefixListEntries`
pub(super) fn entries(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let id = input.as_object_mut().and_then(|members| members.shift_remove("PrefixListId")).unwrap_or_default();
    let list = find(view.region, id.as_str().ok_or_else(|| missing("prefixListId"))?)?;
    ENTRIES.answer(&view, input, list.cidrs.iter().map(|cidr| json!({"Cidr": cidr})))
}
