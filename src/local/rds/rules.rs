//! What AWS accepts as a master user, a password, a database name, a port, a capacity.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    engine,
    input::{Input, combination, invalid},
};
use crate::local::{ec2, fault::Fault, kms, world::Ctx};

/// Words that cannot be a master user's name.
const RESERVED: &[&str] = &[
    "admin",
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "authorization",
    "between",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_user",
    "default",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "into",
    "is",
    "join",
    "leading",
    "like",
    "limit",
    "new",
    "not",
    "null",
    "off",
    "old",
    "on",
    "or",
    "order",
    "outer",
    "primary",
    "public",
    "rdsadmin",
    "rds_superuser",
    "rdsrepladmin",
    "references",
    "replication",
    "select",
    "session_user",
    "some",
    "table",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "when",
    "where",
];

pub(super) fn username(name: &str) -> Result<(), Fault> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("pg_") {
        let message = "cannot be used as it is a reserved word used by the engine";
        return Err(invalid(format!("MasterUsername {name} {message}")));
    }
    if !word(name) || name.len() > 63 {
        return Err(invalid(
            "The parameter MasterUsername is not a valid identifier. Identifiers must begin with a letter; must contain \
             only ASCII letters, digits, and underscores; and must not be longer than 63 characters.",
        ));
    }
    Ok(())
}

pub(super) fn password(password: &str) -> Result<(), Fault> {
    let length = password.chars().count();
    if length < 8 {
        let message =
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.";
        return Err(invalid(message));
    }
    if length > 99 {
        let message =
            "The parameter MasterUserPassword is not a valid password because it is longer than 99 characters.";
        return Err(invalid(message));
    }
    if !password.chars().all(|letter| letter.is_ascii_graphic() && !"/@\"".contains(letter)) {
        return Err(invalid(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', \
             '\"', ' ' may be used.",
        ));
    }
    Ok(())
}

pub(super) fn database(name: &str) -> Result<(), Fault> {
    if ["rdsadmin", "template0", "template1"].contains(&name) {
        return Err(invalid(format!("DatabaseName {name} cannot be used. It is a reserved word for this engine")));
    }
    if !word(name) || name.len() > 63 {
        return Err(invalid(
            "DatabaseName must begin with a letter and contain only alphanumeric characters or underscores, at most 63.",
        ));
    }
    Ok(())
}

/// A letter, then letters, digits and underscores.
fn word(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Refuses names that cannot be those of keys.
pub(super) fn keys(input: &Input) -> Result<(), Fault> {
    let mut given = ["KmsKeyId", "PerformanceInsightsKMSKeyId"].into_iter().filter_map(|member| input.text(member));
    given.try_for_each(key)
}

/// Refuses what cannot be the name of a key.
pub(super) fn key(name: &str) -> Result<(), Fault> {
    if name.is_empty() || kms::is_key(name) {
        return Ok(());
    }
    let message = format!(
        "The specified KMS key [{name}] does not exist, is not enabled or you do not have permissions to access it."
    );
    Err(Fault::new("KMSKeyNotAccessibleFault", message))
}

/// Shows keys by their ARNs, however they were named.
pub(super) fn complete_keys(ctx: &Ctx<'_>, kept: &mut Map<String, Value>) {
    for member in ["KmsKeyId", "PerformanceInsightsKMSKeyId"] {
        if let Some(name) = kept.get(member).and_then(Value::as_str).filter(|name| !name.is_empty()) {
            let arn = ctx.key_arn(name);
            kept.insert(member.to_owned(), json!(arn));
        }
    }
}

pub(super) fn port(number: i64) -> Result<u16, Fault> {
    let port = u16::try_from(number).ok().filter(|port| *port >= 1150);
    port.ok_or_else(|| invalid(format!("Invalid database port: {number}. Ports range from 1150 to 65535.")))
}

pub(super) fn retention(days: i64) -> Result<(), Fault> {
    if (1..=35).contains(&days) {
        return Ok(());
    }
    Err(invalid(format!("Invalid backup retention period: {days}. Must be between 1 and 35.")))
}

/// The zones that a call names for a cluster's storage.
pub(super) fn zones(input: &Input, region: &str) -> Result<Option<Vec<String>>, Fault> {
    let Some(zones) = input.texts("AvailabilityZones").filter(|zones| !zones.is_empty()) else { return Ok(None) };
    if let Some(zone) = zones.iter().find(|zone| !ec2::is_zone(region, zone)) {
        return Err(invalid(format!("{zone} is no Availability Zone of {region}.")));
    }
    if zones.len() > 3 {
        return Err(invalid("A DB cluster can have three Availability Zones at most."));
    }
    Ok(Some(zones))
}

/// Storage is in three zones, whichever of them were named; in two where the region has no more.
pub(super) fn three_zones(mut zones: Vec<String>, region: &str) -> Vec<String> {
    for zone in ec2::zone_names(region) {
        if zones.len() < 3 && !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    zones.sort();
    zones.truncate(3);
    zones
}

pub(super) fn logs(types: &[String], version: &str) -> Result<(), Fault> {
    match types.iter().find(|kind| !engine::LOGS.contains(&kind.as_str())) {
        None => Ok(()),
        Some(kind) => Err(combination(format!(
            "You cannot use the log types '{kind}' with engine version {} {version}. For supported log types, see the \
             documentation.",
            engine::ENGINE
        ))),
    }
}

pub(super) fn lifecycle(support: &str) -> Result<(), Fault> {
    if ["open-source-rds-extended-support", "open-source-rds-extended-support-disabled"].contains(&support) {
        return Ok(());
    }
    Err(invalid(format!(
        "Invalid value for EngineLifecycleSupport: {support}. Valid values: open-source-rds-extended-support, \
         open-source-rds-extended-support-disabled"
    )))
}

/// The groups of a call, which have to exist and be in the VPC; the VPC's default group where it names none.
pub(super) fn security_groups(ctx: &Ctx<'_>, groups: Option<Vec<String>>, vpc_id: &str) -> Result<Vec<String>, Fault> {
    let groups = groups.filter(|groups| !groups.is_empty());
    if !ctx.serves("ec2") {
        return Ok(groups.unwrap_or_default());
    }
    let network = &ctx.region.ec2;
    let groups = groups.unwrap_or_else(|| network.default_group(vpc_id).map(str::to_owned).into_iter().collect());
    for id in &groups {
        let Some(group) = network.security_group(id) else {
            return Err(invalid(format!("Invalid security group , groupId= {id}, groupName=.")));
        };
        if !group.serves(vpc_id) {
            return Err(combination(format!(
                "The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc_id} and the EC2 \
                 security group is in {}",
                group.vpc_id
            )));
        }
    }
    Ok(groups)
}

/// A Serverless v2 capacity range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(super) min: f64,
    pub(super) max: f64,
    /// Seconds of idleness until a cluster with a minimum of 0 pauses.
    pause: Option<i64>,
}

impl Scaling {
    /// The range of a call, over the one that the cluster has.
    pub(super) fn given(input: &Input, before: Option<&Self>) -> Result<Option<Self>, Fault> {
        let Some(part) = input.part("ServerlessV2ScalingConfiguration") else { return Ok(before.cloned()) };
        let capacity = |member: &str, old: Option<f64>| {
            let absent =
                || combination("Both MinCapacity and MaxCapacity of ServerlessV2ScalingConfiguration must be given.");
            part.0.get(member).and_then(Value::as_f64).or(old).ok_or_else(absent)
        };
        let min = capacity("MinCapacity", before.map(|old| old.min))?;
        let max = capacity("MaxCapacity", before.map(|old| old.max))?;
        for (name, value, least) in [("minimum", min, 0.0), ("maximum", max, 1.0)] {
            if !(least..=256.0).contains(&value) || (value * 2.0).fract() != 0.0 {
                return Err(invalid(format!(
                    "Serverless v2 {name} capacity {value} isn't valid. The {name} capacity must be between {least} and 256 \
                     in steps of 0.5."
                )));
            }
        }
        if min > max {
            return Err(invalid(format!(
                "Serverless v2 maximum capacity {max} must be greater than or equal to the minimum capacity {min}."
            )));
        }
        let pause = part.number("SecondsUntilAutoPause");
        if pause.is_some() && min > 0.0 {
            return Err(combination("SecondsUntilAutoPause can be given only when MinCapacity is 0."));
        }
        if let Some(seconds) = pause.filter(|seconds| !(300..=86400).contains(seconds)) {
            return Err(invalid(format!(
                "SecondsUntilAutoPause {seconds} isn't valid. It must be between 300 and 86400."
            )));
        }
        let pause = pause.or(before.and_then(|old| old.pause)).or(Some(300)).filter(|_| min == 0.0);
        Ok(Some(Self { min, max, pause }))
    }

    pub(super) fn view(&self) -> Value {
        json!({"MinCapacity": self.min, "MaxCapacity": self.max, "SecondsUntilAutoPause": self.pause})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_in_half_steps_and_in_order() {
        for (min, max, pause, accepted) in [
            (0.5, 4.0, None, true),
            (0.0, 1.0, Some(300), true),
            (0.0, 256.0, Some(86400), true),
            (0.3, 4.0, None, false),
            (4.0, 2.0, None, false),
            (0.5, 256.5, None, false),
            (-1.0, 4.0, None, false),
            (0.0, 4.0, Some(299), false),
            (0.5, 4.0, Some(600), false),
        ] {
            let range = json!({"MinCapacity": min, "MaxCapacity": max, "SecondsUntilAutoPause": pause});
            let input = Input(json!({"ServerlessV2ScalingConfiguration": range}));
            assert_eq!(Scaling::given(&input, None).is_ok(), accepted, "{min} {max} {pause:?}");
        }
    }

    #[test]
    fn the_pause_is_kept_by_a_change_of_the_maximum() {
        let before = Scaling { min: 0.0, max: 4.0, pause: Some(900) };
        let input = Input(json!({"ServerlessV2ScalingConfiguration": {"MaxCapacity": 8.0}}));
        let after = Scaling::given(&input, Some(&before)).unwrap().unwrap();
        assert_eq!(after, Scaling { min: 0.0, max: 8.0, pause: Some(900) });
    }

    #[test]
    fn passwords_and_names_follow_the_rules() {
        for (given, accepted) in
            [("secret99", true), ("short77", false), ("with space", false), ("at@at@at@", false), ("umläut-99", false)]
        {
            assert_eq!(password(given).is_ok(), accepted, "{given}");
        }
        assert!(password(&"x".repeat(100)).is_err());
        for (given, accepted) in [("app", true), ("postgres", true), ("admin", false), ("pg_me", false), ("1st", false)]
        {
            assert_eq!(username(given).is_ok(), accepted, "{given}");
        }
        for (given, accepted) in [("shop", true), ("shop_2", true), ("rdsadmin", false), ("shop-2", false), ("", false)]
        {
            assert_eq!(database(given).is_ok(), accepted, "{given}");
        }
        assert!(port(5432).is_ok() && port(80).is_err() && port(70_000).is_err());
    }
}
