//! Events: what happened to whom, for fourteen days.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    input::{Input, combination, invalid, page},
    phase::{INCOMPATIBLE_NETWORK, Phase},
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// As many as are kept; AWS keeps fourteen days.
const KEPT: usize = 2000;

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    at: Millis,
    source: String,
    /// `db-cluster`, `db-instance`, `db-cluster-snapshot`, `db-proxy`, `db-parameter-group`.
    kind: String,
    arn: String,
    category: String,
    message: String,
}

/// A moment as an answer has it.
pub(super) fn time(at: Millis) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    Some(moment.to_string())
}

fn moment(text: &str) -> Option<Millis> {
    u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()
}

impl Store {
    /// Notes what happened to the resource of this ARN.
    pub(super) fn note(&mut self, at: Millis, kind: &str, arn: &str, category: &str, message: impl Into<String>) {
        // A proxy is called by its name, and its ARN ends in something else.
        let proxy = self.proxies.values().find(|proxy| proxy.arn == arn);
        let source = proxy.map_or_else(|| arn.rsplit(':').next().unwrap_or_default(), |proxy| &proxy.name).to_owned();
        self.events.push(Event {
            at,
            source,
            kind: kind.to_owned(),
            arn: arn.to_owned(),
            category: category.to_owned(),
            message: message.into(),
        });
        if self.events.len() > KEPT {
            self.events.drain(..self.events.len() - KEPT);
        }
    }
}

impl Ctx<'_> {
    /// The status in which what is being made ends: `available`, or `failed` where somebody asked for that.
    pub(super) fn ending(&self, failed: &'static str) -> &'static str {
        if self.doom.is_some() { failed } else { "available" }
    }

    /// What is being made ends without a network where there was no address for it.
    pub(super) fn end_without_room(&mut self, attached: Result<(), Fault>, phase: &mut Phase) {
        if let Err(full) = attached {
            phase.then(INCOMPATIBLE_NETWORK);
            self.doom.get_or_insert(full.message);
        }
    }

    /// Notes that what is being made will fail, where there is no address for it or somebody asked for that.
    pub(super) fn note_doom(&mut self, kind: &str, arn: &str) {
        if let Some(why) = self.doom.take() {
            self.region.rds.note(self.now, kind, arn, "failure", why);
        }
    }
}

/// `DescribeEvents`: of the last hour, unless other times are asked for.
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    if input.has("SourceIdentifier") && !input.has("SourceType") {
        return Err(combination("SourceType must be provided when SourceIdentifier is supplied."));
    }
    let minutes = input.number("Duration").unwrap_or(60);
    if !(1..=20160).contains(&minutes) {
        return Err(invalid(format!("The parameter Duration must be between 1 and 20160 minutes: {minutes}")));
    }
    let span = u64::try_from(minutes).unwrap_or(60) * 60_000;
    let end = input.text("EndTime").and_then(moment).unwrap_or(ctx.now);
    let start = input.text("StartTime").and_then(moment).unwrap_or(end.saturating_sub(span));
    if start > end {
        return Err(combination("The StartTime has to be before the EndTime."));
    }
    let categories = input.texts("EventCategories").unwrap_or_default();
    let wanted = |event: &&Event| {
        (start..=end).contains(&event.at)
            && input.text("SourceIdentifier").is_none_or(|source| source.eq_ignore_ascii_case(&event.source))
            && input.text("SourceType").is_none_or(|kind| kind == event.kind)
            && (categories.is_empty() || categories.contains(&event.category))
    };
    let view = |event: &Event| {
        json!({"SourceIdentifier": event.source, "SourceType": event.kind, "SourceArn": event.arn,
            "Message": event.message, "EventCategories": [event.category], "Date": time(event.at)})
    };
    page(&input, "Events", ctx.region.rds.events.iter().filter(wanted).map(view).collect())
}

/// `DescribeEventCategories`.
pub(super) fn categories(_ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    const ALL: &[(&str, &[&str])] = &[
        (
            "db-cluster",
            &["creation", "deletion", "failover", "failure", "configuration change", "notification", "maintenance"],
        ),
        (
            "db-instance",
            &["availability", "creation", "deletion", "failover", "failure", "configuration change", "notification"],
        ),
        ("db-cluster-snapshot", &["backup", "creation", "deletion", "notification"]),
        ("db-proxy", &["creation", "deletion", "configuration change", "failure"]),
        ("db-parameter-group", &["configuration change"]),
    ];
    let input = Input(input);
    let wanted = |(kind, _): &&(&str, &[&str])| input.text("SourceType").is_none_or(|given| given == *kind);
    let view = |(kind, list): &(&str, &[&str])| json!({"SourceType": kind, "EventCategories": list});
    Ok(json!({"EventCategoriesMapList": ALL.iter().filter(wanted).map(view).collect::<Vec<_>>()}))
}

/// `DescribePendingMaintenanceActions`: nothing is ever pending here.
pub(super) fn maintenance(_ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    page(&Input(input), "PendingMaintenanceActions", Vec::new())
}
