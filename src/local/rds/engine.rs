//! The engine: versions, what each upgrades to, and the instance classes on offer.

use serde_json::{Value, json};

use super::{
    classes,
    input::{Filters, Input, invalid, page, page_of},
};
use crate::local::{ec2, fault::Fault, world::Ctx};

/// The only engine; the stack that this cloud is for uses no other.
pub(super) const ENGINE: &str = "aurora-postgresql";

/// The versions that can be created, oldest first.
const VERSIONS: &[&str] = &[
    "15.10", "15.12", "15.13", "15.14", "15.15", "15.17", "16.6", "16.8", "16.9", "16.10", "16.11", "16.13", "17.4",
    "17.5", "17.6", "17.7", "17.9",
];

/// The log types that can go to CloudWatch.
pub(super) const LOGS: &[&str] = &["postgresql", "instance", "iam-db-auth-error"];

/// Major and minor number, for comparing.
fn numbers(version: &str) -> (u32, u32) {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

fn major(version: &str) -> u32 {
    numbers(version).0
}

/// The parameter group family of a version, e.g. `aurora-postgresql15`.
pub(super) fn family(version: &str) -> String {
    format!("{ENGINE}{}", major(version))
}

/// Whether this is a parameter group family of the engine.
pub(super) fn is_family(family: &str) -> bool {
    VERSIONS.iter().any(|version| self::family(version) == family)
}

/// Refuses an engine that is not there.
pub(super) fn check(engine: &str) -> Result<(), Fault> {
    if engine == ENGINE {
        return Ok(());
    }
    Err(invalid(format!("Invalid DB engine: {engine}. The local cloud has {ENGINE} only.")))
}

/// The version that a create call means: an exact one, the newest of a major one, or the default.
pub(super) fn choose(given: Option<&str>) -> Result<&'static str, Fault> {
    let Some(given) = given else { return Ok(default_version(15)) };
    if let Some(version) = VERSIONS.iter().find(|version| **version == given) {
        return Ok(version);
    }
    let whole = given.parse::<u32>().ok().filter(|number| VERSIONS.iter().any(|version| major(version) == *number));
    let unknown = || super::input::combination(format!("Cannot find version {given} for {ENGINE}"));
    whole.map(default_version).ok_or_else(unknown)
}

/// AWS's default minor version of a major one: its newest here.
fn default_version(number: u32) -> &'static str {
    VERSIONS.iter().rev().find(|version| major(version) == number).unwrap_or(&"15.17")
}

/// What a cluster of `version` can be upgraded to.
fn targets(version: &str) -> impl Iterator<Item = &'static str> {
    let from = numbers(version);
    // Across a major version AWS offers only minors that are not older than the source's patches: the newer ones.
    let later = move |target: &&&str| {
        let to = numbers(target);
        to > from && (to.0 == from.0 || (to.0 == from.0 + 1 && to.1 + 4 >= from.1) || to.0 == from.0 + 2)
    };
    VERSIONS.iter().filter(later).copied()
}

/// Refuses an upgrade that AWS refuses.
pub(super) fn check_upgrade(from: &str, to: &str, major_allowed: bool) -> Result<(), Fault> {
    let to = choose(Some(to))?;
    if !targets(from).any(|target| target == to) {
        let verb = if numbers(to) < numbers(from) { "downgrade" } else { "upgrade" };
        return Err(super::input::combination(format!("Cannot {verb} {ENGINE} from {from} to {to}")));
    }
    if major(to) != major(from) && !major_allowed {
        return Err(super::input::combination(
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        ));
    }
    Ok(())
}

fn view(ctx: &Ctx<'_>, version: &str) -> Value {
    let target = |to: &str| {
        json!({"Engine": ENGINE, "EngineVersion": to, "Description": description(to), "AutoUpgrade": false,
            "IsMajorVersionUpgrade": major(to) != major(version), "SupportedEngineModes": ["provisioned"],
            "SupportsParallelQuery": false, "SupportsGlobalDatabases": true, "SupportsBabelfish": true})
    };
    json!({
        "Engine": ENGINE, "EngineVersion": version, "MajorEngineVersion": major(version).to_string(),
        "DBParameterGroupFamily": family(version), "DBEngineDescription": "Aurora (PostgreSQL)",
        "DBEngineVersionDescription": description(version),
        "DBEngineVersionArn": format!("arn:aws:rds:{}::engine-version:{ENGINE}/{version}", ctx.region_name),
        "ValidUpgradeTarget": targets(version).map(target).collect::<Vec<_>>(),
        "ExportableLogTypes": LOGS, "SupportsLogExportsToCloudwatchLogs": true, "SupportsReadReplica": false,
        "SupportedEngineModes": ["provisioned"], "SupportedFeatureNames": ["Bedrock", "Comprehend", "Lambda", "s3Export", "s3Import", "SageMaker"],
        "Status": "available", "SupportsParallelQuery": false, "SupportsGlobalDatabases": true,
        "SupportsBabelfish": true, "SupportsLimitlessDatabase": false,
        "SupportsCertificateRotationWithoutRestart": true,
        "SupportedCACertificateIdentifiers": CERTIFICATES, "SupportsLocalWriteForwarding": true,
        "SupportsIntegrations": true, "ServerlessV2FeaturesSupport": {"MinCapacity": 0.0, "MaxCapacity": 256.0},
    })
}

/// The certificate authorities that an instance's certificate can come from.
pub(super) const CERTIFICATES: &[&str] = &["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"];

fn description(version: &str) -> String {
    format!("Aurora PostgreSQL (Compatible with PostgreSQL {version})")
}

pub(super) fn versions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let filters =
        Filters::of(&input, &["db-parameter-group-family", "engine", "engine-mode", "engine-version", "status"])?;
    let default = input.flag("DefaultOnly").unwrap_or(false);
    let wanted = |version: &&&str| {
        let version = **version;
        let of_major = major(version).to_string();
        input.text("Engine").is_none_or(|engine| engine == ENGINE)
            && input.text("EngineVersion").is_none_or(|given| given == version || given == of_major)
            && input.text("DBParameterGroupFamily").is_none_or(|given| given == family(version))
            && (!default || version == default_version(if input.has("EngineVersion") { major(version) } else { 15 }))
            && filters.pass("db-parameter-group-family", &[&family(version)])
            && filters.pass("engine", &[ENGINE])
            && filters.pass("engine-mode", &["provisioned"])
            && filters.pass("engine-version", &[version])
            && filters.pass("status", &["available"])
    };
    let found = VERSIONS.iter().filter(wanted).map(|version| view(ctx, version)).collect();
    page(&input, "DBEngineVersions", found)
}

/// `DescribeDBMajorEngineVersions`; the dates of support, which AWS moves at times, are not kept here.
pub(super) fn major_versions(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let mut majors: Vec<String> = VERSIONS.iter().map(|version| major(version).to_string()).collect();
    majors.dedup();
    let wanted = |number: &String| {
        input.text("Engine").is_none_or(|engine| engine == ENGINE)
            && input.text("MajorEngineVersion").is_none_or(|given| given == number)
    };
    let view = |number| json!({"Engine": ENGINE, "MajorEngineVersion": number, "SupportedEngineLifecycles": []});
    page(&input, "DBMajorEngineVersions", majors.into_iter().filter(wanted).map(view).collect())
}

/// The platform versions of Serverless v2, newest last, each with the least and the most capacity.
const PLATFORMS: [(&str, f64, f64); 3] = [("1", 0.5, 128.0), ("2", 0.0, 256.0), ("3", 0.0, 256.0)];

/// The platform of new clusters.
pub(super) fn newest_platform() -> &'static str {
    PLATFORMS[PLATFORMS.len() - 1].0
}

/// `DescribeServerlessV2PlatformVersions`
pub(super) fn platforms(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    let newest = newest_platform();
    let wanted = |(number, _, _): &&(&str, f64, f64)| {
        input.text("Engine").is_none_or(|engine| engine == ENGINE)
            && input.text("ServerlessV2PlatformVersion").is_none_or(|given| given == *number)
            && (!input.flag("DefaultOnly").unwrap_or(false) || *number == newest)
    };
    let view = |(number, least, most): &(&str, f64, f64)| {
        json!({"ServerlessV2PlatformVersion": number, "Engine": ENGINE, "Status": "enabled", "IsDefault": *number == newest,
            "ServerlessV2PlatformVersionDescription": format!("Aurora Serverless v2 platform version {number}"),
            "ServerlessV2FeaturesSupport": {"MinCapacity": least, "MaxCapacity": most}})
    };
    page(&input, "ServerlessV2PlatformVersions", PLATFORMS.iter().filter(wanted).map(view).collect())
}

/// What the engine's instances are licensed under.
pub(super) const LICENSE: &str = "postgresql-license";

pub(super) fn orderable(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    check(input.required("Engine")?)?;
    let zones: Vec<Value> = ec2::zone_names(ctx.region_name).map(|zone| json!({"Name": zone})).collect();
    let option = |class: &str, version: &str, storage: &str| {
        json!({
            "Engine": ENGINE, "EngineVersion": version, "DBInstanceClass": class, "LicenseModel": LICENSE,
            "AvailabilityZones": zones, "MultiAZCapable": false, "ReadReplicaCapable": false, "Vpc": true,
            "SupportsStorageEncryption": true, "StorageType": storage, "SupportsIops": false,
            "SupportsEnhancedMonitoring": true, "SupportsIAMDatabaseAuthentication": true,
            "SupportsPerformanceInsights": true, "SupportedEngineModes": ["provisioned"],
            "SupportsStorageAutoscaling": false, "SupportsKerberosAuthentication": true, "OutpostCapable": false,
            "SupportsGlobalDatabases": true, "SupportedNetworkTypes": ["IPV4", "DUAL"], "SupportsClusters": true,
            "SupportsHttpEndpoint": true,
        })
    };
    let mut options = Vec::new();
    // All of them are in VPCs.
    let offered = input.text("LicenseModel").is_none_or(|given| given == LICENSE) && input.flag("Vpc") != Some(false);
    let wanted = |version: &&&str| offered && input.text("EngineVersion").is_none_or(|given| given == **version);
    for version in VERSIONS.iter().filter(wanted) {
        for class in classes::all().filter(|class| input.text("DBInstanceClass").is_none_or(|given| given == class)) {
            options.extend(["aurora", "aurora-iopt1"].map(|storage| option(&class, version, storage)));
        }
    }
    page_of(1000, &input, "OrderableDBInstanceOptions", options)
}

pub(super) fn certificates(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let wanted = |name: &&&str| input.text("CertificateIdentifier").is_none_or(|given| given == **name);
    let view = |name: &&str| {
        json!({"CertificateIdentifier": name, "CertificateType": "CA", "ValidFrom": "2021-05-25T22:34:57Z",
            "ValidTill": "2061-05-25T23:34:57Z", "CustomerOverride": false,
            "CertificateArn": format!("arn:aws:rds:{}::cert:{name}", ctx.region_name)})
    };
    let found: Vec<Value> = CERTIFICATES.iter().filter(wanted).map(view).collect();
    if let (true, Some(name)) = (found.is_empty(), input.text("CertificateIdentifier")) {
        return Err(super::input::missing("CertificateNotFound", format!("Certificate {name} not found.")));
    }
    page(&input, "Certificates", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_exact_or_the_newest_of_its_major() {
        for (given, chosen) in [(None, Ok("15.17")), (Some("15"), Ok("15.17")), (Some("15.10"), Ok("15.10"))] {
            assert_eq!(choose(given), chosen);
        }
        for wrong in ["15.4", "14", "15.1", "latest"] {
            assert_eq!(choose(Some(wrong)).unwrap_err().message, format!("Cannot find version {wrong} for {ENGINE}"));
        }
    }

    #[test]
    fn upgrades_go_upward_and_across_majors_only_when_allowed() {
        for (from, to, major_allowed, accepted) in [
            ("15.10", "15.17", false, true),
            ("15.17", "15.10", false, false),
            ("15.10", "15.10", false, false),
            ("15.10", "16.9", false, false),
            ("15.10", "16.9", true, true),
            ("16.6", "15.17", true, false),
        ] {
            assert_eq!(check_upgrade(from, to, major_allowed).is_ok(), accepted, "{from} to {to}");
        }
    }
}
