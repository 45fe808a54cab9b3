//! The parameters of Aurora PostgreSQL that the local cloud knows, as `DescribeDBClusterParameters` lists them.

mod formulas;
pub(super) mod groups;
mod table;
mod values;

use serde_json::{Value, json};

use super::input::{combination, invalid};
use crate::local::fault::Fault;
use formulas::Formula;
use table::CONNECTIONS;
pub(super) use table::PARAMETERS;

/// One engine parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// The engine's default; `None` where the engine leaves it unset.
    pub(super) default: Option<&'static str>,
    pub(super) allowed: &'static str,
    /// Whether a change needs a restart.
    pub(super) is_static: bool,
    kind: &'static str,
    modifiable: bool,
    description: &'static str,
    /// Whether an instance's group has it too.
    pub(super) on_instances: bool,
}

const fn parameter(
    name: &'static str,
    default: Option<&'static str>,
    kind: &'static str,
    allowed: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { name, default, allowed, is_static: false, kind, modifiable: true, description, on_instances: true }
}

impl Parameter {
    const fn restart(self) -> Self {
        Self { is_static: true, ..self }
    }

    const fn fixed(self) -> Self {
        Self { modifiable: false, ..self }
    }

    const fn cluster_only(self) -> Self {
        Self { on_instances: false, ..self }
    }

    /// Whether PostgreSQL itself knows it; the others exist in RDS only.
    pub(super) fn is_of_postgres(&self) -> bool {
        !self.name.starts_with("rds.") && !self.name.starts_with("apg_") && !self.name.starts_with("aurora")
    }

    /// Whether it is RDS's own and has a form in which PostgreSQL takes what it does not know: so it can be asked for.
    pub(super) fn is_placeholder(&self) -> bool {
        !self.is_of_postgres() && self.name.contains('.')
    }

    pub(super) fn view(&self, value: Option<&str>, method: Option<&str>) -> Value {
        let method = method.unwrap_or(if self.is_static { "pending-reboot" } else { "immediate" });
        json!({
            "ParameterName": self.name, "ParameterValue": value.or(self.default), "Description": self.description,
            "Source": self.source(value), "ApplyType": if self.is_static { "static" } else { "dynamic" },
            "DataType": self.kind, "AllowedValues": Some(self.allowed).filter(|allowed| !allowed.is_empty()),
            "IsModifiable": self.modifiable, "ApplyMethod": method, "SupportedEngineModes": ["provisioned"],
        })
    }

    /// `user` where a value was set that is not the family's own; of the rest AWS says `system` where it sets the value itself.
    pub(super) fn source(&self, value: Option<&str>) -> &'static str {
        match (value, self.default) {
            (Some(value), default) if default != Some(value) => "user",
            (None, Some(_))
                if self.name.starts_with("rds.") || !self.modifiable || self.default == Some(CONNECTIONS) =>
            {
                "system"
            }
            _ => "engine-default",
        }
    }

    /// Refuses what AWS refuses to set.
    pub(super) fn check(&self, value: &str, method: &str) -> Result<(), Fault> {
        if !self.modifiable {
            return Err(invalid(format!("The parameter {} cannot be modified.", self.name)));
        }
        if self.is_static && method == "immediate" {
            return Err(combination("cannot use immediate apply method for static parameter"));
        }
        if self.default == Some(value) || values::accepts(self.name, self.kind, self.allowed, value) {
            return Ok(());
        }
        Err(invalid(format!(
            "Invalid parameter value: {} for: {} allowed values are: {}",
            value.replace(char::is_control, "?"),
            self.name,
            self.allowed
        )))
    }

    /// The value for a server here: a formula's, where that does not depend on a machine of AWS's.
    pub(super) fn resolve(&self, value: &str) -> Option<String> {
        match formulas::parse(value).filter(|_| ["boolean", "integer", "float"].contains(&self.kind)) {
            None => Some(value.to_owned()),
            Some(Formula::Number(number)) => Some(number.to_string()),
            Some(Formula::Unknown) => None,
        }
    }
}

/// The parameter of this name in a cluster's group, or in an instance's.
pub(super) fn find(name: &str, of_cluster: bool) -> Result<&'static Parameter, Fault> {
    let found = PARAMETERS.iter().find(|parameter| parameter.name == name && (of_cluster || parameter.on_instances));
    found.ok_or_else(|| invalid(format!("Could not find parameter with name: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_against_kind_and_range() {
        for (name, value, accepted) in [
            ("rds.force_ssl", "1", true),
            ("rds.force_ssl", "yes", false),
            ("statement_timeout", "30000", true),
            ("statement_timeout", "30s", false),
            ("statement_timeout", "-1", false),
            ("log_min_duration_statement", "-1", true),
            ("log_statement", "ddl", true),
            ("log_statement", "everything", false),
            ("shared_preload_libraries", "pg_stat_statements,auto_explain", true),
            ("shared_preload_libraries", "mine", false),
            ("timezone", "Europe/Vienna", true),
            ("timezone", "UTC'\nfsync='on", false),
            ("timezone", "Mars/X", false),
            ("rds.force_ssl", "on", false),
            ("rds.force_ssl", "{TrueIfReplica}", true),
            ("statement_timeout", "1e3", false),
            ("statement_timeout", "LEAST(5,3000000000)", true),
            ("statement_timeout", "GREATEST(5,3000000000)", false),
            ("seq_page_cost", "1.5", true),
            ("seq_page_cost", "nan", false),
            ("max_connections", "LEAST({DBInstanceClassMemory/9531392},\n5000)", false),
            ("max_connections", "{DBInstanceClassMemory}'; x", false),
            ("log_statement", "{DBInstanceVCPU}", false),
        ] {
            let parameter = find(name, true).unwrap();
            assert_eq!(parameter.check(value, "pending-reboot").is_ok(), accepted, "{name} = {value}");
        }
    }

    #[test]
    fn a_static_parameter_waits_for_a_reboot() {
        assert!(find("max_connections", true).unwrap().check("100", "immediate").is_err());
        assert!(find("rds.extensions", true).unwrap().check("vector", "immediate").is_err());
        assert!(find("no_such_thing", true).is_err());
        assert!(find("timezone", false).is_err());
    }
}
