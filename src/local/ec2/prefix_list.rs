//! Prefix lists: those that AWS manages, the addresses of S3 and DynamoDB, which gateway endpoints route to, and those
//! that customers manage, which rules and routes may name. Here they are found and described.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Store,
    call::{invalid, missing, unsupported},
    kind,
    listing::Listing,
    permission::Peer,
    view::View,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// AWS's services, each with addresses of its own, and how many rules of a security group each counts as.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html>
const SERVICES: [(&str, usize, &[&str]); 6] = [
    ("s3", 1, &["3.5.0.0/19", "16.12.0.0/20", "52.219.0.0/17"]),
    ("dynamodb", 1, &["3.218.180.0/22", "52.94.0.0/22"]),
    ("ec2-instance-connect", 2, &["3.16.146.0/29"]),
    ("route53-healthchecks", 25, &["15.177.0.0/18", "54.228.16.0/26", "54.245.168.0/26"]),
    ("vpc-lattice", 10, &["169.254.171.0/24"]),
    (CLOUDFRONT, 55, &["13.124.199.0/24", "130.176.0.0/18", "205.251.249.0/24"]),
];

/// This one is the same everywhere, and its name says so.
const CLOUDFRONT: &str = "cloudfront.origin-facing";

/// A prefix list of AWS.
pub(super) struct AwsManaged {
    pub(super) id: String,
    name: String,
    cidrs: &'static [&'static str],
}

/// AWS's lists of a region. Their ids are the same for everybody, so they follow from the name.
fn aws_managed(region: &str) -> impl Iterator<Item = AwsManaged> {
    SERVICES.iter().map(move |(service, _, cidrs)| {
        let place = if *service == CLOUDFRONT { "global" } else { region };
        let id = id_of(region, service);
        AwsManaged { id, name: format!("com.amazonaws.{place}.{service}"), cidrs }
    })
}

fn id_of(region: &str, service: &str) -> String {
    let digest = Sha256::digest(format!("com.amazonaws.{region}.{service}"));
    format!("pl-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

/// The list of a service's addresses, e.g. of `com.amazonaws.eu-central-1.s3`.
pub(super) fn of_service(region: &str, service_name: &str) -> Option<AwsManaged> {
    aws_managed(region).find(|list| list.name == service_name)
}

/// A prefix list of a customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PrefixList {
    pub(super) prefix_list_id: String,
    pub(super) name: String,
    pub(super) family: Family,
    pub(super) max_entries: usize,
    /// The entries of every version; the first one is version 1, the last one is in force.
    pub(super) versions: Vec<Vec<Entry>>,
    pub(super) change: Change,
    pub(super) phase: Phase,
}

/// The kind of addresses in a list, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Family {
    IPv4,
    IPv6,
}

impl Family {
    /// The CIDR block in its canonical form.
    pub(super) fn read(self, cidr: &str) -> Result<String, Fault> {
        let canonical = match self {
            Self::IPv4 => cidr.parse().ok().map(|net: Ipv4Net| net.trunc().to_string()),
            Self::IPv6 => cidr.parse().ok().map(|net: Ipv6Net| net.trunc().to_string()),
        };
        canonical.ok_or_else(|| invalid(format!("The CIDR ({cidr}) is not a valid {self:?} CIDR block.")))
    }
}

/// One block of addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) cidr: String,
    pub(super) description: Option<String>,
}

/// The last change that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Change {
    Create,
    /// To these entries.
    Modify(Vec<Entry>),
    /// To this number of entries at most.
    Resize(usize),
    /// To these entries of an earlier version.
    Restore(Vec<Entry>),
    Delete,
}

/// How far the last change has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Phase {
    InProgress { until: Millis },
    Complete,
    Failed { message: String },
}

impl PrefixList {
    /// The number of the version that is in force.
    pub(super) fn version(&self) -> usize {
        self.versions.len()
    }

    /// The entries that are in force.
    pub(super) fn entries(&self) -> &[Entry] {
        self.versions.last().map(Vec::as_slice).unwrap_or_default()
    }

    /// The state in the API's words.
    pub(super) fn state(&self) -> String {
        let change = match self.change {
            Change::Create => "create",
            Change::Modify(_) | Change::Resize(_) => "modify",
            Change::Restore(_) => "restore",
            Change::Delete => "delete",
        };
        let phase = match self.phase {
            Phase::InProgress { .. } => "in-progress",
            Phase::Complete => "complete",
            Phase::Failed { .. } => "failed",
        };
        format!("{change}-{phase}")
    }

    pub(super) fn show(&self, view: &View<'_>) -> Value {
        let message = match &self.phase {
            Phase::Failed { message } => Some(message),
            _ => None,
        };
        json!({
            "PrefixListId": self.prefix_list_id,
            "PrefixListName": self.name,
            "PrefixListArn": view.arn(&kind::PREFIX_LIST, &self.prefix_list_id),
            "AddressFamily": self.family,
            "State": self.state(),
            "StateMessage": message,
            "MaxEntries": self.max_entries,
            "Version": self.version(),
            "OwnerId": view.account,
            "Tags": view.tags(&self.prefix_list_id),
        })
    }
}

impl Store {
    /// Refuses the id of a list that there is not, be it AWS's or a customer's.
    pub(super) fn check_prefix_list(&self, region: &str, id: &str) -> Result<(), Fault> {
        if aws_managed(region).any(|list| list.id == id) {
            return Ok(());
        }
        kind::PREFIX_LIST.find(&self.prefix_lists, id).map(drop)
    }

    /// How many rules of a security group a rule for this peer counts as: a customer's list as all the entries that it
    /// may have, one of AWS's as AWS says.
    pub(super) fn weight(&self, region: &str, peer: &Peer) -> usize {
        let Peer::PrefixList(id) = peer else { return 1 };
        let of_aws =
            || SERVICES.iter().find(|(service, ..)| id_of(region, service) == *id).map(|(_, weight, _)| *weight);
        self.prefix_lists.get(id).map(|list| list.max_entries).or_else(of_aws).unwrap_or(1)
    }

    /// The security groups and route tables that name a list, sorted.
    pub(super) fn prefix_list_users<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a String> {
        let names = move |peer: &Peer| matches!(peer, Peer::PrefixList(list) if list == id);
        let groups = self.security_groups.iter();
        let groups = groups.filter(move |(_, group)| group.rules.iter().any(|rule| names(&rule.traffic.peer)));
        let tables = self.route_tables.iter();
        let tables = tables.filter(move |(_, table)| table.routes.iter().any(|route| route.leads_to_list(id)));
        tables.map(|(id, _)| id).chain(groups.map(|(id, _)| id))
    }

    /// Whether one of a list's entries holds all of `network`.
    pub(super) fn prefix_list_contains(&self, id: &str, network: Ipv4Net) -> bool {
        let entries = self.prefix_lists.get(id).map(PrefixList::entries).unwrap_or_default();
        entries.iter().filter_map(|entry| entry.cidr.parse().ok()).any(|block: Ipv4Net| block.contains(&network))
    }
}

/// Takes a list's id out of an input.
fn taken_id(input: &mut Value) -> Result<String, Fault> {
    let id = input.as_object_mut().and_then(|members| members.shift_remove("PrefixListId")).unwrap_or_default();
    id.as_str().map(str::to_owned).ok_or_else(|| missing("prefixListId"))
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
    let of_aws = aws_managed(view.region).map(|list| {
        json!({
            "PrefixListId": list.id,
            "PrefixListName": list.name,
            "PrefixListArn": format!("arn:aws:ec2:{}:aws:prefix-list/{}", view.region, list.id),
            "AddressFamily": Family::IPv4,
            "State": "create-complete",
            "OwnerId": "AWS",
            "Tags": [],
        })
    });
    let own = view.store.prefix_lists.values().map(|list| list.show(&view));
    MANAGED.answer_pages_of(1..=100, &view, input, of_aws.chain(own))
}

static PREFIX_LISTS: Listing = Listing {
    kind: &kind::AWS_PREFIX_LIST,
    items: "PrefixLists",
    ids: "PrefixListIds",
    id: "PrefixListId",
    filters: &[("prefix-list-id", "PrefixListId"), ("prefix-list-name", "PrefixListName")],
};

/// `DescribePrefixLists`: only AWS's.
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let shown = |list: AwsManaged| json!({"PrefixListId": list.id, "PrefixListName": list.name, "Cidrs": list.cidrs});
    PREFIX_LISTS.answer(&view, input, aws_managed(view.region).map(shown))
}

static ENTRIES: Listing = Listing { kind: &kind::PREFIX_LIST, items: "Entries", ids: "", id: "Cidr", filters: &[] };

/// `GetManagedPrefixListEntries`, of the version in force or of the one that is asked for.
pub(super) fn entries(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let id = taken_id(&mut input)?;
    let version = input.as_object_mut().and_then(|members| members.shift_remove("TargetVersion"));
    if let Some(list) = aws_managed(view.region).find(|list| list.id == id) {
        if version.is_some() {
            return Err(unsupported("TargetVersion of a prefix list of AWS"));
        }
        let all = list.cidrs.iter().map(|cidr| json!({"Cidr": cidr}));
        return ENTRIES.answer_pages_of(1..=100, &view, input, all);
    }
    let list = kind::PREFIX_LIST.find(&view.store.prefix_lists, &id)?;
    let entries = match version {
        Some(version) => list.at(version.as_i64().unwrap_or_default())?,
        None => list.entries(),
    };
    let all = entries.iter().map(|entry| json!({"Cidr": entry.cidr, "Description": entry.description}));
    ENTRIES.answer_pages_of(1..=100, &view, input, all)
}

static ASSOCIATIONS: Listing =
    Listing { kind: &kind::PREFIX_LIST, items: "PrefixListAssociations", ids: "", id: "ResourceId", filters: &[] };

/// `GetManagedPrefixListAssociations`: what names the list.
pub(super) fn associations(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let id = taken_id(&mut input)?;
    view.store.check_prefix_list(view.region, &id)?;
    let users = view.store.prefix_list_users(&id);
    let all = users.map(|user| json!({"ResourceId": user, "ResourceOwner": view.account}));
    ASSOCIATIONS.answer_pages_of(5..=255, &view, input, all)
}
