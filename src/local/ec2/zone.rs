//! Regions, their availability zones, and the account's attributes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    address::MOST_ADDRESSES, call::invalid, kind, listing::Listing, security_group::MOST_OF_INTERFACE, view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// The zones of a region that is not listed: the letter of each, and the number of its id.
const USUAL: &str = "a1 b2 c3";

/// The zones of the regions that have other ones. An id means the same zone in every account. In older regions each older account
/// has letters of its own for them; here every account has the same.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html>
const ZONES: [(&str, &str); 12] = [
    ("ap-northeast-1", "a4 c1 d2"),
    ("ap-northeast-2", "a1 b2 c3 d4"),
    ("ap-northeast-3", "a3 b1 c2"),
    ("ap-south-1", "a1 b3 c2"),
    ("ap-southeast-2", "a1 b3 c2"),
    ("ca-central-1", "a1 b2 d4"),
    ("eu-central-1", "a2 b3 c1"),
    ("eu-west-1", "a3 b1 c2"),
    ("eu-west-2", "a2 b3 c1"),
    ("us-east-1", "a6 b1 c2 d4 e3 f5"),
    ("us-west-1", "a3 c1"),
    ("us-west-2", "a2 b1 c3 d4"),
];

/// A region's zones: of each the letter, and the number in its id.
fn zones(region: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let listed = ZONES.iter().find(|(name, _)| *name == region);
    listed.map_or(USUAL, |(_, zones)| *zones).split(' ').map(|zone| zone.split_at(1))
}

/// Regions that every account has, with their long names.
const REGIONS: [(&str, &str); 17] = [
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ca-central-1", "Canada (Central)"),
    ("eu-central-1", "Europe (Frankfurt)"),
    ("eu-north-1", "Europe (Stockholm)"),
    ("eu-west-1", "Europe (Ireland)"),
    ("eu-west-2", "Europe (London)"),
    ("eu-west-3", "Europe (Paris)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
];

/// The names of the regions that every account has.
pub(crate) fn region_names() -> impl Iterator<Item = &'static str> {
    REGIONS.into_iter().map(|(name, _)| name)
}

/// Regions that an account has to opt in to, with their long names.
const OPT_IN_REGIONS: [(&str, &str); 12] = [
    ("af-south-1", "Africa (Cape Town)"),
    ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-south-2", "Asia Pacific (Hyderabad)"),
    ("ap-southeast-3", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)"),
    ("ca-west-1", "Canada West (Calgary)"),
    ("eu-central-2", "Europe (Zurich)"),
    ("eu-south-1", "Europe (Milan)"),
    ("eu-south-2", "Europe (Spain)"),
    ("il-central-1", "Israel (Tel Aviv)"),
    ("me-central-1", "Middle East (UAE)"),
    ("me-south-1", "Middle East (Bahrain)"),
];

/// The long name of a region; its own name where none is known.
fn long_name(region: &str) -> &str {
    let mut all = REGIONS.iter().chain(&OPT_IN_REGIONS);
    all.find(|(name, _)| *name == region).map_or(region, |(_, long)| long)
}

/// The names of a region's zones.
pub(crate) fn names(region: &str) -> impl Iterator<Item = String> {
    zones(region).map(move |(letter, _)| format!("{region}{letter}"))
}

/// Whether a region has a zone of this name.
pub(crate) fn is_zone(region: &str, name: &str) -> bool {
    names(region).any(|zone| zone == name)
}

/// The id of a zone: `euc1-az2` for `eu-central-1a`.
pub(super) fn id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    // A zone that the region no longer has was made when every region had the usual ones.
    let usual = USUAL.split(' ').map(|zone| zone.split_at(1));
    let number = zones(region).chain(usual).find(|(one, _)| *one == letter).map_or("1", |(_, number)| number);
    let mut parts = region.split('-');
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Two letters for the directions between: southeast is se, south is s.
        let compound = part.strip_prefix("north").or_else(|| part.strip_prefix("south")).unwrap_or_default();
        short.extend(part.chars().next());
        short.extend(compound.chars().next());
    }
    format!("{short}-az{number}")
}

/// The zone that a call names, by name or by id; the first where it names none.
pub(super) fn chosen(region: &str, name: Option<&str>, zone_id: Option<&str>) -> Result<String, Fault> {
    let refused = |value: &str, parameter: &str| {
        let zones = names(region).collect::<Vec<_>>().join(", ");
        invalid(format!(
            "Value ({value}) for parameter {parameter} is invalid. Subnets can currently only be created in the following availability zones: {zones}."
        ))
    };
    match (name, zone_id) {
        (Some(name), Some(zone_id)) if names(region).any(|zone| zone == name) && id(name) != zone_id => {
            Err(super::call::combination(format!(
                "The Availability Zone '{name}' and the Availability Zone id '{zone_id}' are not the same: specify one of them."
            )))
        }
        (Some(name), _) => names(region).find(|zone| zone == name).ok_or_else(|| refused(name, "availabilityZone")),
        (None, Some(wanted)) => {
            names(region).find(|zone| id(zone) == wanted).ok_or_else(|| refused(wanted, "availabilityZoneId"))
        }
        (None, None) => names(region).next().ok_or_else(|| refused("", "availabilityZone")),
    }
}

static ZONE_LISTING: Listing = Listing {
    kind: &kind::SUBNET,
    items: "AvailabilityZones",
    ids: "",
    id: "ZoneName",
    filters: &[
        ("group-long-name", "GroupLongName"),
        ("group-name", "GroupName"),
        ("message", "Messages.Message"),
        ("opt-in-status", "OptInStatus"),
        ("parent-zone-id", "ParentZoneId"),
        ("parent-zone-name", "ParentZoneName"),
        ("region-name", "RegionName"),
        ("state", "State"),
        ("zone-id", "ZoneId"),
        ("zone-name", "ZoneName"),
        ("zone-type", "ZoneType"),
    ],
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct DescribeZones {
    zone_names: Vec<String>,
    zone_ids: Vec<String>,
    /// Without effect: every zone here is opted in to.
    all_availability_zones: bool,
    filters: Value,
}

/// `DescribeAvailabilityZones`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: DescribeZones) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let known: Vec<String> = names(view.region).collect();
    if let Some(unknown) = input.zone_names.iter().find(|name| !known.contains(name)) {
        return Err(invalid(format!("Invalid availability zone: [{unknown}]")));
    }
    if let Some(unknown) = input.zone_ids.iter().find(|wanted| !known.iter().any(|zone| id(zone) == **wanted)) {
        return Err(invalid(format!("Invalid availability zone-id: [{unknown}]")));
    }
    let wanted = |zone: &String| {
        let everything = input.zone_names.is_empty() && input.zone_ids.is_empty();
        everything || input.zone_names.contains(zone) || input.zone_ids.contains(&id(zone))
    };
    let all = known.iter().filter(|zone| wanted(zone)).map(|zone| {
        json!({
            "ZoneName": zone,
            "ZoneId": id(zone),
            "ZoneType": "availability-zone",
            "RegionName": view.region,
            "GroupName": format!("{}-zg-1", view.region),
            "GroupLongName": format!("{} 1", long_name(view.region)),
            "NetworkBorderGroup": view.region,
            "OptInStatus": "opt-in-not-required",
            "State": "available",
            "Messages": [],
        })
    });
    ZONE_LISTING.answer(&view, json!({"Filters": filters(input.filters)}), all)
}

/// An omitted list of filters is an empty one.
fn filters(given: Value) -> Value {
    if given.is_null() { json!([]) } else { given }
}

static REGION_LISTING: Listing = Listing {
    kind: &kind::VPC,
    items: "Regions",
    ids: "",
    id: "RegionName",
    filters: &[("endpoint", "Endpoint"), ("opt-in-status", "OptInStatus"), ("region-name", "RegionName")],
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct DescribeRegions {
    region_names: Vec<String>,
    all_regions: bool,
    filters: Value,
}

/// `DescribeRegions`
pub(super) fn describe_regions(ctx: &mut Ctx<'_>, input: DescribeRegions) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let is_known = |name: &str| REGIONS.iter().chain(&OPT_IN_REGIONS).any(|(known, _)| *known == name);
    if let Some(unknown) = input.region_names.iter().find(|name| !is_known(name)) {
        return Err(invalid(format!("Invalid region name: [{unknown}]")));
    }
    let opt_in = if input.all_regions || !input.region_names.is_empty() { OPT_IN_REGIONS.as_slice() } else { &[] };
    let all = REGIONS.iter().map(|(name, _)| (name, "opt-in-not-required"));
    let all = all.chain(opt_in.iter().map(|(name, _)| (name, "not-opted-in")));
    let wanted = |name: &str| input.region_names.is_empty() || input.region_names.iter().any(|one| one == name);
    let all = all.filter(|(name, _)| wanted(name)).map(|(name, status)| {
        json!({"RegionName": name, "Endpoint": format!("ec2.{name}.amazonaws.com"), "OptInStatus": status})
    });
    REGION_LISTING.answer(&view, json!({"Filters": filters(input.filters)}), all)
}

/// The attributes of an account without a default VPC that never asked for higher limits but that of its addresses.
fn account_attributes() -> [(&'static str, String); 6] {
    let addresses = MOST_ADDRESSES.to_string();
    [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", "none".to_owned()),
        ("max-instances", "20".to_owned()),
        ("max-elastic-ips", addresses.clone()),
        ("vpc-max-elastic-ips", addresses),
        ("vpc-max-security-groups-per-interface", MOST_OF_INTERFACE.to_string()),
    ]
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct DescribeAccountAttributes {
    attribute_names: Vec<String>,
}

/// `DescribeAccountAttributes`
pub(super) fn describe_account_attributes(ctx: &mut Ctx<'_>, input: DescribeAccountAttributes) -> Result<Value, Fault> {
    let wanted = |name: &str| input.attribute_names.is_empty() || input.attribute_names.iter().any(|one| one == name);
    let attributes = account_attributes();
    let all = attributes.iter().filter(|(name, _)| wanted(name));
    let default_vpc = ctx.region.ec2.default_vpc().map(|vpc| vpc.vpc_id.as_str());
    let shown = |(name, value): &(&str, String)| {
        let value = default_vpc.filter(|_| *name == "default-vpc").unwrap_or(value);
        json!({"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]})
    };
    Ok(json!({"AccountAttributes": all.map(shown).collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_are_formed_as_in_aws() {
        let table = [
            ("eu-central-1b", "euc1-az3"),
            ("us-east-1e", "use1-az3"),
            ("ap-southeast-2c", "apse2-az2"),
            ("ap-south-1a", "aps1-az1"),
            ("ap-northeast-1a", "apne1-az4"),
            ("eu-north-1b", "eun1-az2"),
            ("us-gov-east-1a", "usge1-az1"),
            ("xx-southwest-9c", "xxsw9-az3"),
        ];
        for (zone, expected) in table {
            assert_eq!(id(zone), expected, "{zone}");
        }
    }

    #[test]
    fn regions_have_the_zones_that_they_have_in_aws() {
        let table = [
            ("us-east-1", "abcdef"),
            ("us-east-2", "abc"),
            ("us-west-1", "ac"),
            ("us-west-2", "abcd"),
            ("ap-northeast-1", "acd"),
            ("ap-northeast-2", "abcd"),
            ("ca-central-1", "abd"),
            ("sa-east-1", "abc"),
            ("xx-central-7", "abc"),
        ];
        for (region, letters) in table {
            let expected: Vec<String> = letters.chars().map(|letter| format!("{region}{letter}")).collect();
            assert_eq!(names(region).collect::<Vec<_>>(), expected);
            let ids: std::collections::BTreeSet<String> = expected.iter().map(|zone| id(zone)).collect();
            assert_eq!(ids.len(), letters.len(), "{region}: each has an id of its own");
            for zone in expected {
                assert_eq!(chosen(region, None, Some(&id(&zone))).unwrap(), zone);
            }
        }
        assert_eq!(chosen("ap-northeast-1", Some("ap-northeast-1b"), None).unwrap_err().code, "InvalidParameterValue");
        assert_eq!(chosen("us-west-1", None, None).unwrap(), "us-west-1a");
    }

    #[test]
    fn a_zone_is_chosen_by_name_or_id() {
        assert_eq!(chosen("eu-west-1", None, None).unwrap(), "eu-west-1a");
        assert_eq!(chosen("eu-west-1", Some("eu-west-1c"), None).unwrap(), "eu-west-1c");
        assert_eq!(chosen("eu-west-1", None, Some("euw1-az2")).unwrap(), "eu-west-1c");
        assert_eq!(chosen("eu-west-1", Some("eu-west-1z"), None).unwrap_err().code, "InvalidParameterValue");
        assert_eq!(chosen("eu-west-1", None, Some("use1-az1")).unwrap_err().code, "InvalidParameterValue");
    }
}
