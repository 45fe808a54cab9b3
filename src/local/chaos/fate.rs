//! What the rules decided for one call, and its doing: before the call is executed, on its way, and on its answer.

use std::time::Duration;

use serde_json::Value;

use super::{Chaos, Effect, Site, drift, hold::Moment, rule::Turn};
use crate::local::{
    fault::Fault,
    pace::Millis,
    protocol::Answer,
    world::{Ctx, Region},
};

/// What becomes of one call.
pub(crate) struct Fate<'a> {
    chaos: &'a Chaos,
    site: Site,
    /// Each with the number of its rule.
    effects: Vec<(u64, Effect)>,
}

/// How an answer goes out.
pub(crate) enum Delivery {
    /// As a whole.
    Whole(Answer),
    /// The first half; then the connection is closed.
    Half(Answer),
    /// Not at all: the connection is closed.
    Nothing,
}

impl<'a> Fate<'a> {
    pub(super) fn new(chaos: &'a Chaos, site: Site, effects: Vec<(u64, Effect)>) -> Self {
        Self { chaos, site, effects }
    }

    fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().map(|(_, effect)| effect)
    }

    fn has(&self, effect: &Effect) -> bool {
        self.effects().any(|own| own == effect)
    }

    /// What is done to the call, for the log; nothing mostly.
    pub(crate) fn describe(&self) -> Option<String> {
        let names: Vec<&str> = self.effects().map(Effect::name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Before the call is executed: waits as long as it is told to. Answers whether the call arrives at all.
    pub(crate) async fn arrives(&self) -> bool {
        let delay: u64 = self.effects().map(|effect| if let Effect::Delay { ms } = effect { *ms } else { 0 }).sum();
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        self.hold(Turn::Before).await;
        !self.has(&Effect::Lose)
    }

    async fn hold(&self, turn: Turn) {
        for (rule, effect) in &self.effects {
            if *effect == (Effect::Hold { at: turn }) {
                self.chaos.held.wait(Moment::new(*rule, &self.site, turn)).await;
            }
        }
    }

    /// The refusal in place of executing it.
    pub(crate) fn refusal(&self) -> Option<Fault> {
        self.effects().find_map(Effect::refusal)
    }

    /// As of how long ago it is answered.
    pub(crate) fn lag(&self) -> Option<Millis> {
        self.effects().filter_map(|effect| if let Effect::Lag { ms } = effect { Some(*ms) } else { None }).max()
    }

    /// Prepares what is called: what is made is to fail, what is left is to linger.
    pub(crate) fn prepare(&self, ctx: &mut Ctx<'_>) {
        for effect in self.effects() {
            match effect {
                Effect::Fail { why } => ctx.doom = Some(why.clone()),
                Effect::Linger { ms } => linger(ctx.region, *ms),
                _ => {}
            }
        }
    }

    /// After the call was executed: does what somebody else does meanwhile; each call of theirs, and how it ended.
    pub(crate) fn drift(&self, ctx: &mut Ctx<'_>) -> Vec<(String, Result<(), Fault>)> {
        self.effects().filter_map(|effect| drift::carry_out(effect, ctx)).collect()
    }

    /// Whether somebody else does something meanwhile.
    pub(crate) fn drifts(&self) -> bool {
        self.effects().any(|effect| matches!(effect, Effect::Drift { .. } | Effect::Vanish { .. }))
    }

    /// Changes what is answered.
    pub(crate) fn retell(&self, output: &mut Value) {
        for effect in self.effects() {
            if let Effect::Show { path, value } = effect {
                show(output, &path.split('.').collect::<Vec<_>>(), value);
            }
        }
    }

    /// After the call was executed: how its answer goes out.
    pub(crate) async fn deliver(&self, mut answer: Answer) -> Delivery {
        self.hold(Turn::After).await;
        if self.has(&Effect::Drop) {
            return Delivery::Nothing;
        }
        if self.has(&Effect::Cut) {
            return Delivery::Half(answer);
        }
        if self.has(&Effect::Garble) {
            let half = answer.body.floor_char_boundary(answer.body.len() / 2);
            answer.body.truncate(half);
        }
        Delivery::Whole(answer)
    }
}

fn linger(region: &mut Region, ms: Millis) {
    region.ec2.linger(ms);
}

/// Puts `value` wherever `path` leads to.
fn show(output: &mut Value, path: &[&str], value: &Value) {
    match (path, output) {
        ([], output) => output.clone_from(value),
        (["*", rest @ ..], Value::Array(elements)) => {
            elements.iter_mut().for_each(|element| show(element, rest, value));
        }
        ([member, rest @ ..], Value::Object(members)) => {
            show(members.entry(*member).or_insert(Value::Null), rest, value);
        }
        // Where there is no such list there is nothing to be shown in it.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_stands_wherever_the_path_leads() {
        let cases = [
            ("State", json!({"State": "failed", "List": [{"A": 1}, {"A": 2}]})),
            ("List.*.A", json!({"State": "ok", "List": [{"A": "failed"}, {"A": "failed"}]})),
            ("List.*.B", json!({"State": "ok", "List": [{"A": 1, "B": "failed"}, {"A": 2, "B": "failed"}]})),
            ("Other.*.B", json!({"State": "ok", "List": [{"A": 1}, {"A": 2}], "Other": null})),
        ];
        for (path, expected) in cases {
            let mut output = json!({"State": "ok", "List": [{"A": 1}, {"A": 2}]});
            show(&mut output, &path.split('.').collect::<Vec<_>>(), &json!("failed"));
            assert_eq!(output, expected, "{path}");
        }
    }
}
