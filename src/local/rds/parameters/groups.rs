//! Parameter groups, of clusters and of instances: the same calls under two names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{PARAMETERS, Parameter};
use crate::local::rds::{
    Store, engine,
    input::{Filters, Input, combination, identifier, invalid, missing, page},
    tags::{self, Tags},
};
use crate::local::{fault::Fault, world::Ctx};

/// A parameter group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ParameterGroup {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(super) family: String,
    description: String,
    /// What was set: name → value and how it is applied.
    pub(crate) values: BTreeMap<String, Setting>,
    pub(crate) tags: Tags,
}

/// A value that a user gave a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) value: String,
    /// `immediate` or `pending-reboot`.
    method: String,
}

/// What the cluster's calls and the instance's calls differ in.
pub(crate) struct Flavour {
    of_cluster: bool,
    /// The member that names a group, and the prefix of the lists' members.
    name: &'static str,
    group: &'static str,
    list: &'static str,
    arn: &'static str,
    /// The member that carries the ARN in answers.
    arn_member: &'static str,
}

/// A parameter of a call: its table entry, the value, and how to apply it.
type Given = (&'static Parameter, Option<String>, String);

pub(crate) const CLUSTER: Flavour = Flavour {
    of_cluster: true,
    name: "DBClusterParameterGroupName",
    group: "DBClusterParameterGroup",
    list: "DBClusterParameterGroups",
    arn: "cluster-pg",
    arn_member: "DBClusterParameterGroupArn",
};

pub(crate) const INSTANCE: Flavour = Flavour {
    of_cluster: false,
    name: "DBParameterGroupName",
    group: "DBParameterGroup",
    list: "DBParameterGroups",
    arn: "pg",
    arn_member: "DBParameterGroupArn",
};

impl Flavour {
    fn groups<'a>(&self, store: &'a mut Store) -> &'a mut BTreeMap<String, ParameterGroup> {
        if self.of_cluster { &mut store.cluster_parameter_groups } else { &mut store.parameter_groups }
    }

    fn find<'a>(&self, store: &'a mut Store, name: &str) -> Result<&'a mut ParameterGroup, Fault> {
        let absent = || missing("DBParameterGroupNotFound", format!("{} not found: {name}", self.group));
        self.groups(store).get_mut(&name.to_ascii_lowercase()).ok_or_else(absent)
    }

    fn view(&self, group: &ParameterGroup) -> Value {
        json!({self.name: group.name, self.arn_member: group.arn, "DBParameterGroupFamily": group.family,
            "Description": group.description})
    }

    fn known(&self) -> impl Iterator<Item = &'static Parameter> {
        let of_cluster = self.of_cluster;
        PARAMETERS.iter().filter(move |parameter| of_cluster || parameter.on_instances)
    }

    pub(crate) fn create(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let name = identifier(self.name, input.required(self.name)?, 255)?;
        let family = input.required("DBParameterGroupFamily")?.to_owned();
        if !engine::is_family(&family) {
            return Err(invalid(format!("ParameterGroupFamily {family} is not a valid parameter group family")));
        }
        if self.groups(&mut ctx.region.rds).contains_key(&name) {
            return Err(Fault::new("DBParameterGroupAlreadyExists", format!("Parameter group {name} already exists")));
        }
        let group = ParameterGroup {
            arn: ctx.rds_arn(self.arn, &name),
            description: input.required("Description")?.to_owned(),
            values: BTreeMap::new(),
            tags: tags::given(&input)?,
            name: name.clone(),
            family,
        };
        let answer = json!({self.group: self.view(&group)});
        self.groups(&mut ctx.region.rds).insert(name, group);
        Ok(answer)
    }

    /// A new group with what another one sets, which cannot be a default group.
    pub(crate) fn copy(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let member = |which: &str, what: &str| format!("{which}{}{what}", self.group);
        let source = input.required(&member("Source", "Identifier"))?;
        let source = source.rsplit(':').next().unwrap_or_default();
        let target = member("Target", "Identifier");
        let name = identifier(&target, input.required(&target)?, 255)?;
        if self.default_group(ctx, source).is_some() {
            return Err(invalid(format!("The default parameter group {source} cannot be copied.")));
        }
        let source = self.find(&mut ctx.region.rds, source)?.clone();
        if self.groups(&mut ctx.region.rds).contains_key(&name) {
            return Err(Fault::new("DBParameterGroupAlreadyExists", format!("Parameter group {name} already exists")));
        }
        let group = ParameterGroup {
            arn: ctx.rds_arn(self.arn, &name),
            description: input.required(&member("Target", "Description"))?.to_owned(),
            tags: tags::given(&input)?,
            name: name.clone(),
            ..source
        };
        let answer = json!({self.group: self.view(&group)});
        self.groups(&mut ctx.region.rds).insert(name, group);
        Ok(answer)
    }

    pub(crate) fn describe(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        Filters::of(&input, &[])?;
        let store = &mut ctx.region.rds;
        if let Some(name) = input.text(self.name) {
            let group = match self.find(store, name) {
                Ok(group) => group.clone(),
                Err(absent) => self.default_group(ctx, name).ok_or(absent)?,
            };
            return page(&input, self.list, vec![self.view(&group)]);
        }
        let mut groups: Vec<ParameterGroup> = self.groups(store).values().cloned().collect();
        groups.extend(self.default_groups(ctx));
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        page(&input, self.list, groups.iter().map(|group| self.view(group)).collect())
    }

    /// The default groups that something uses: AWS makes them when the first one does.
    fn default_groups(&self, ctx: &Ctx<'_>) -> Vec<ParameterGroup> {
        let store = &ctx.region.rds;
        let used: BTreeSet<&String> = if self.of_cluster {
            store.clusters.values().map(|cluster| &cluster.parameter_group).collect()
        } else {
            store.instances.values().map(|instance| &instance.parameter_group).collect()
        };
        used.into_iter().filter_map(|name| self.default_group(ctx, name)).collect()
    }

    /// The group that AWS brings along for a family.
    fn default_group(&self, ctx: &Ctx<'_>, name: &str) -> Option<ParameterGroup> {
        let family = default_of(name)?;
        Some(ParameterGroup {
            name: name.to_owned(),
            arn: ctx.rds_arn(self.arn, name),
            family: family.to_owned(),
            description: format!(
                "Default {} parameter group for {family}",
                if self.of_cluster { "cluster" } else { "instance" }
            ),
            values: BTreeMap::new(),
            tags: Tags::new(),
        })
    }

    pub(crate) fn parameters(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let name = input.required(self.name)?;
        let filters = Filters::of(&input, &["parameter-name"])?;
        let group = match self.find(&mut ctx.region.rds, name) {
            Ok(group) => group.clone(),
            Err(absent) => self.default_group(ctx, name).ok_or(absent)?,
        };
        let source = input.text("Source");
        if let Some(source) = source.filter(|source| !["user", "system", "engine-default"].contains(source)) {
            return Err(invalid(format!("Invalid source: {source}. Valid values: user, system, engine-default")));
        }
        let wanted = |parameter: &&Parameter| filters.pass("parameter-name", &[parameter.name]);
        let view = |parameter: &Parameter| {
            let setting = group.values.get(parameter.name);
            let value = setting.map(|setting| setting.value.as_str());
            let shown = source.is_none_or(|source| source == parameter.source(value));
            shown.then(|| parameter.view(value, setting.map(|setting| setting.method.as_str())))
        };
        page(&input, "Parameters", self.known().filter(wanted).filter_map(view).collect())
    }

    /// The given parameters, each with its table entry; the defaults' groups cannot be changed.
    fn given(&self, input: &Input) -> Result<Vec<Given>, Fault> {
        let name = input.required(self.name)?;
        if name.starts_with("default.") {
            return Err(invalid(format!("Cannot modify a default parameter group: {name}")));
        }
        let mut given = Vec::new();
        for entry in input.list("Parameters") {
            let entry = Input(entry.clone());
            let Some(name) = entry.text("ParameterName") else {
                return Err(invalid("The parameter ParameterName must be provided for each parameter."));
            };
            let parameter = super::find(name, self.of_cluster)?;
            let method = entry.text("ApplyMethod").unwrap_or("pending-reboot").to_owned();
            given.push((parameter, entry.text("ParameterValue").map(str::to_owned), method));
        }
        if given.len() > 20 {
            return Err(invalid("A maximum of 20 parameters can be modified in a single request."));
        }
        Ok(given)
    }

    pub(crate) fn modify(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let given = self.given(&input)?;
        let group = self.find(&mut ctx.region.rds, input.required(self.name)?)?;
        let mut values = group.values.clone();
        for (parameter, value, method) in given {
            let Some(value) = value else {
                return Err(invalid(format!("The parameter ParameterValue of {} must be provided.", parameter.name)));
            };
            parameter.check(&value, &method)?;
            values.insert(parameter.name.to_owned(), Setting { value, method });
        }
        group.values = values;
        Ok(json!({self.name: group.name}))
    }

    pub(crate) fn reset(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let given = self.given(&input)?;
        let group = self.find(&mut ctx.region.rds, input.required(self.name)?)?;
        let all = input.flag("ResetAllParameters").unwrap_or(!self.of_cluster && given.is_empty());
        if all != given.is_empty() {
            return Err(combination("Either ResetAllParameters or a list of parameters must be given."));
        }
        if all {
            group.values.clear();
        }
        for (parameter, _, method) in given {
            if parameter.is_static && method == "immediate" {
                return Err(combination("cannot use immediate apply method for static parameter"));
            }
            group.values.remove(parameter.name);
        }
        Ok(json!({self.name: group.name}))
    }

    pub(crate) fn delete(&self, ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let name = input.required(self.name)?.to_ascii_lowercase();
        if name.starts_with("default.") {
            return Err(Fault::new(
                "InvalidDBParameterGroupState",
                format!("Default {} cannot be deleted: {name}", self.group),
            ));
        }
        let store = &mut ctx.region.rds;
        let user = if self.of_cluster {
            store.clusters.values().find(|cluster| cluster.parameter_group == name).map(|cluster| &cluster.identifier)
        } else {
            store.instances.values().find(|one| one.parameter_group == name).map(|one| &one.identifier)
        };
        if let Some(user) = user {
            let message = format!(
                "One or more database instances are still members of this parameter group {name}, so the group cannot be deleted: {user}"
            );
            return Err(Fault::new("InvalidDBParameterGroupState", message));
        }
        self.find(store, &name)?;
        self.groups(store).remove(&name);
        Ok(json!({}))
    }

    pub(crate) fn defaults(&self, input: Value) -> Result<Value, Fault> {
        let input = Input(input);
        let family = input.required("DBParameterGroupFamily")?;
        if !engine::is_family(family) {
            return Err(invalid(format!("ParameterGroupFamily {family} is not a valid parameter group family")));
        }
        let mut answer =
            page(&input, "Parameters", self.known().map(|parameter| parameter.view(None, None)).collect())?;
        if let Some(members) = answer.as_object_mut() {
            members.insert("DBParameterGroupFamily".to_owned(), json!(family));
        }
        Ok(json!({"EngineDefaults": answer}))
    }
}

/// The family whose default group has this name.
fn default_of(name: &str) -> Option<&str> {
    name.strip_prefix("default.").filter(|family| engine::is_family(family))
}

/// Whether this is the name of a default group.
pub(crate) fn is_default(name: &str) -> bool {
    default_of(name).is_some()
}

impl Store {
    /// The cluster parameter group that a cluster of `version` may use.
    pub(crate) fn check_cluster_group(&self, name: &str, version: &str) -> Result<(), Fault> {
        check_group(&self.cluster_parameter_groups, &CLUSTER, name, version)
    }

    /// The parameter group that an instance of `version` may use.
    pub(crate) fn check_instance_group(&self, name: &str, version: &str) -> Result<(), Fault> {
        check_group(&self.parameter_groups, &INSTANCE, name, version)
    }
}

fn check_group(
    groups: &BTreeMap<String, ParameterGroup>,
    flavour: &Flavour,
    name: &str,
    version: &str,
) -> Result<(), Fault> {
    let family = engine::family(version);
    if name == format!("default.{family}") {
        return Ok(());
    }
    let code = if flavour.of_cluster { "DBClusterParameterGroupNotFound" } else { "DBParameterGroupNotFound" };
    let group = groups.get(name).ok_or_else(|| missing(code, format!("{} not found: {name}", flavour.group)))?;
    if group.family == family {
        return Ok(());
    }
    Err(combination(format!(
        "The Parameter Group {name} with DBParameterGroupFamily {} cannot be used for this instance. Please use a \
         Parameter Group with DBParameterGroupFamily {family}",
        group.family
    )))
}
