//! DHCP options: the region's default ones, which all VPCs begin with, and sets that users make.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Store,
    call::{combination, in_use, invalid, missing},
    kind,
    listing::Listing,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// The values of each option of a set, in the order in which they were given.
pub(crate) type DhcpOptions = Vec<(String, Vec<String>)>;

/// What AWS lets be set; each with the number of its values at most.
const KEYS: [(&str, usize); 6] = [
    ("domain-name", 1),
    ("domain-name-servers", 4),
    ("ntp-servers", 4),
    ("netbios-name-servers", 4),
    ("netbios-node-type", 1),
    ("ipv6-address-preferred-lease-time", 1),
];

/// In place of an id: a VPC without any options.
const NONE: &str = "default";

impl Store {
    /// The id of the region's default options, which come with the first VPC.
    pub(super) fn default_dhcp_options(&mut self) -> String {
        if self.default_dhcp_options_id.is_empty() {
            self.default_dhcp_options_id = kind::DHCP_OPTIONS.new_id();
        }
        self.default_dhcp_options_id.clone()
    }

    /// Whether these options exist.
    pub(super) fn has_dhcp_options(&self, id: &str) -> bool {
        self.default_dhcp_options_id == id || self.dhcp_options.contains_key(id)
    }
}

fn show(view: &View<'_>, id: &str, options: &DhcpOptions) -> Value {
    let option = |(key, values): &(String, Vec<String>)| {
        let values: Vec<Value> = values.iter().map(|value| json!({"Value": value})).collect();
        json!({"Key": key, "Values": values})
    };
    json!({
        "DhcpOptionsId": id,
        "OwnerId": view.account,
        "DhcpConfigurations": options.iter().map(option).collect::<Vec<_>>(),
        "Tags": view.tags(id),
    })
}

/// The domain of a region's private names; that of the oldest region has no region in it.
pub(super) fn domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

/// What the default options of a region say.
fn default(region: &str) -> DhcpOptions {
    vec![
        ("domain-name".to_owned(), vec![domain(region)]),
        ("domain-name-servers".to_owned(), vec!["AmazonProvidedDNS".to_owned()]),
    ]
}

static DHCP_OPTIONS: Listing = Listing {
    kind: &kind::DHCP_OPTIONS,
    items: "DhcpOptions",
    ids: "DhcpOptionsIds",
    id: "DhcpOptionsId",
    filters: &[
        ("dhcp-options-id", "DhcpOptionsId"),
        ("key", "DhcpConfigurations.Key"),
        ("owner-id", "OwnerId"),
        ("value", "DhcpConfigurations.Values.Value"),
    ],
};

/// `DescribeDhcpOptions`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let id = &view.store.default_dhcp_options_id;
    let default = (!id.is_empty()).then(|| show(&view, id, &default(view.region)));
    let made = view.store.dhcp_options.iter().map(|(id, options)| show(&view, id, options));
    DHCP_OPTIONS.answer(&view, input, default.into_iter().chain(made))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Create {
    dhcp_configurations: Vec<Given>,
    tag_specifications: Vec<TagSpecification>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    key: String,
    values: Vec<String>,
}

impl Given {
    /// The option, if AWS would take it.
    fn checked(self) -> Result<(String, Vec<String>), Fault> {
        let Self { key, values } = self;
        let Some((_, most)) = KEYS.iter().find(|(known, _)| *known == key) else {
            let known = KEYS.map(|(key, _)| key).join(", ");
            return Err(invalid(format!("Value ({key}) for parameter key is invalid. Options are: {known}")));
        };
        if values.is_empty() || values.len() > *most {
            return Err(invalid(format!("The option {key} takes 1 to {most} values, and not {}.", values.len())));
        }
        let fits = |value: &String| match key.as_str() {
            "domain-name" => !value.is_empty(),
            "netbios-node-type" => matches!(value.as_str(), "1" | "2" | "4" | "8"),
            "ipv6-address-preferred-lease-time" => {
                value.parse().is_ok_and(|time: u64| (140..=2_147_483_647).contains(&time))
            }
            "domain-name-servers" if value == "AmazonProvidedDNS" => true,
            _ => value.parse::<std::net::IpAddr>().is_ok(),
        };
        match values.iter().find(|value| !fits(value)) {
            Some(value) => {
                Err(invalid(format!("Value ({value}) for parameter value is invalid for the option {key}.")))
            }
            None => Ok((key, values)),
        }
    }
}

/// `CreateDhcpOptions`
pub(super) fn create(ctx: &mut Ctx<'_>, input: Create) -> Result<Value, Fault> {
    if input.dhcp_configurations.is_empty() {
        return Err(missing("dhcpConfiguration"));
    }
    let options: DhcpOptions = input.dhcp_configurations.into_iter().map(Given::checked).collect::<Result<_, _>>()?;
    if let Some((index, (key, _))) =
        options.iter().enumerate().find(|(index, one)| options[..*index].iter().any(|other| other.0 == one.0))
    {
        return Err(combination(format!("The option {key} is given again as number {}.", index + 1)));
    }
    let tags = tag::given(&input.tag_specifications, &kind::DHCP_OPTIONS)?;
    let id = kind::DHCP_OPTIONS.new_id();
    ctx.region.ec2.tag(&id, tags);
    ctx.region.ec2.dhcp_options.insert(id.clone(), options);
    let view = View::of(ctx);
    Ok(json!({"DhcpOptions": show(&view, &id, &view.store.dhcp_options[&id])}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    dhcp_options_id: String,
}

/// `DeleteDhcpOptions`: only those that no VPC has.
pub(super) fn delete(ctx: &mut Ctx<'_>, Delete { dhcp_options_id: id }: Delete) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    if !store.has_dhcp_options(&id) {
        return Err(kind::DHCP_OPTIONS.absent(&id));
    }
    if store.vpcs.values().any(|vpc| vpc.dhcp_options_id == id) {
        return Err(in_use(&kind::DHCP_OPTIONS, &id));
    }
    if store.dhcp_options.remove(&id).is_none() {
        store.default_dhcp_options_id.clear();
    }
    store.tags.remove(&id);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Associate {
    dhcp_options_id: String,
    vpc_id: String,
}

/// `AssociateDhcpOptions`; `default` stands for none.
pub(super) fn associate(ctx: &mut Ctx<'_>, Associate { dhcp_options_id, vpc_id }: Associate) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    if dhcp_options_id != NONE && !store.has_dhcp_options(&dhcp_options_id) {
        return Err(kind::DHCP_OPTIONS.absent(&dhcp_options_id));
    }
    kind::VPC.find_mut(&mut store.vpcs, &vpc_id)?.dhcp_options_id = dhcp_options_id;
    Ok(json!({}))
}
