//! Option groups. Aurora PostgreSQL has no options, so that the default group, in which every instance is, is the only one.

use serde_json::{Value, json};

use super::input::{Input, combination, invalid, missing, page};
use crate::local::{fault::Fault, world::Ctx};

/// The group that instances show.
pub(super) const DEFAULT: &str = "default:aurora-postgresql-15";

fn absent(name: &str) -> Fault {
    missing("OptionGroupNotFoundFault", format!("Specified OptionGroupName: {name} not found."))
}

/// `DescribeOptionGroups`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let (engine, version) = (input.text("EngineName"), input.text("MajorEngineVersion"));
    match input.text("OptionGroupName") {
        Some(_) if engine.is_some() || version.is_some() => {
            return Err(combination("OptionGroupName cannot be used together with EngineName or MajorEngineVersion."));
        }
        Some(name) if name != DEFAULT => return Err(absent(name)),
        _ => {}
    }
    if version.is_some() && engine.is_none() {
        return Err(combination("MajorEngineVersion wants EngineName as well."));
    }
    let wanted =
        engine.is_none_or(|engine| engine == super::engine::ENGINE) && version.is_none_or(|version| version == "15");
    let group = json!({
        "OptionGroupName": DEFAULT,
        "OptionGroupDescription": "Default option group for aurora-postgresql 15",
        "EngineName": super::engine::ENGINE,
        "MajorEngineVersion": "15",
        "Options": [],
        "AllowsVpcAndNonVpcInstanceMemberships": true,
        "OptionGroupArn": ctx.rds_arn("og", DEFAULT),
    });
    page(&input, "OptionGroupsList", wanted.then_some(group).into_iter().collect())
}

/// `DescribeOptionGroupOptions`: none for this engine.
pub(super) fn options(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    super::engine::check(input.required("EngineName")?)?;
    page(&input, "OptionGroupOptions", Vec::new())
}

/// `CreateOptionGroup`: AWS has it for engines with options.
pub(super) fn create(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let engine = input.required("EngineName")?;
    super::engine::check(engine)?;
    Err(invalid(format!("Invalid DB engine: {engine}. It has no option groups but its default one.")))
}

/// `ModifyOptionGroup` and `DeleteOptionGroup`
pub(super) fn change(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    match input.required("OptionGroupName")? {
        DEFAULT => Err(invalid("Default option groups cannot be modified or deleted.")),
        name => Err(absent(name)),
    }
}

/// `CopyOptionGroup`: AWS does not copy default groups.
pub(super) fn copy(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let source = input.required("SourceOptionGroupIdentifier")?;
    match source.rsplit_once(":og:").map_or(source, |(_, name)| name) {
        DEFAULT => Err(invalid("Default option groups cannot be copied.")),
        name => Err(absent(name)),
    }
}
