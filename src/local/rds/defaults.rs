//! What the local cloud has one value for: AWS's own default, which tools send along. That value is accepted, and no other.

use serde_json::Value;

/// The action, the member, and the value as JSON.
const ONLY: &[(&str, &str, &str)] = &[
    ("CreateDBCluster", "BacktrackWindow", "0"),
    ("CreateDBCluster", "EnableGlobalWriteForwarding", "false"),
    ("CreateDBCluster", "EnableLocalWriteForwarding", "false"),
    ("CreateDBCluster", "PubliclyAccessible", "false"),
    ("CreateDBInstance", "LicenseModel", "\"postgresql-license\""),
    ("CreateDBInstance", "MultiAZ", "false"),
    ("CreateDBInstance", "NetworkType", "\"IPV4\""),
    ("CreateDBInstance", "OptionGroupName", "\"default:aurora-postgresql-15\""),
    ("CreateDBInstance", "StorageType", "\"aurora\""),
    ("CreateDBProxy", "EndpointNetworkType", "\"IPV4\""),
    ("CreateDBProxy", "TargetConnectionNetworkType", "\"IPV4\""),
    ("CreateDBProxyEndpoint", "EndpointNetworkType", "\"IPV4\""),
    ("ModifyDBCluster", "BacktrackWindow", "0"),
    ("ModifyDBCluster", "EnableGlobalWriteForwarding", "false"),
    ("ModifyDBCluster", "EnableLocalWriteForwarding", "false"),
    ("ModifyDBInstance", "LicenseModel", "\"postgresql-license\""),
    ("ModifyDBInstance", "MultiAZ", "false"),
    ("ModifyDBInstance", "NetworkType", "\"IPV4\""),
    ("ModifyDBInstance", "OptionGroupName", "\"default:aurora-postgresql-15\""),
    ("RestoreDBClusterFromSnapshot", "BacktrackWindow", "0"),
    ("RestoreDBClusterFromSnapshot", "PubliclyAccessible", "false"),
    ("RestoreDBClusterToPointInTime", "BacktrackWindow", "0"),
    ("RestoreDBClusterToPointInTime", "PubliclyAccessible", "false"),
];

/// Whether a call gives a member the one value that it has here.
pub(super) fn is_default(action: &str, member: &str, value: &Value) -> bool {
    ONLY.iter().any(|only| *only == (action, member, value.to_string().as_str()))
}
