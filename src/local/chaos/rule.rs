//! One rule: which calls it meets, which of these it strikes, and what it does to them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::drift;
use crate::{
    aws::is_reading,
    local::{fault::Fault, iam::wildcard, service::SERVICES},
};

/// The longest time that the past is remembered, and an answer may take.
const LONGEST: u64 = 60_000;

/// The calls whose resources can be made to fail.
const FAILING: &[&str] = &[
    "ec2.CreateNatGateway",
    "rds.CreateDBCluster",
    "rds.CreateDBInstance",
    "rds.CreateDBProxy",
    "lambda.CreateFunction",
    "lambda.UpdateFunctionCode",
    "lambda.UpdateFunctionConfiguration",
    "apprunner.CreateService",
    "apprunner.UpdateService",
    "apprunner.StartDeployment",
    "apprunner.PauseService",
    "apprunner.ResumeService",
    "apprunner.DeleteService",
];

/// Where a call is made.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The account's twelve digits.
    pub(crate) account: String,
    /// The region.
    pub(crate) region: String,
    /// The service's signing name.
    pub(crate) service: String,
    /// The action.
    pub(crate) action: String,
}

impl Site {
    /// A call of `action`.
    pub(crate) fn new(account: &str, region: &str, service: &str, action: &str) -> Self {
        let [account, region, service, action] = [account, region, service, action].map(str::to_owned);
        Self { account, region, service, action }
    }

    /// E.g. `ec2.CreateVpc`.
    pub(crate) fn call(&self) -> String {
        format!("{}.{}", self.service, self.action)
    }
}

/// Which calls go wrong, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// `service.Action`; `*` stands for any text.
    pub(crate) call: String,
    /// Calls of this account only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Calls in this region only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// Only calls that change something, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) only: Option<Only>,
    /// From the n-th of these calls on; without `times`, that one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nth: Option<u64>,
    /// At most so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// Each with this probability, drawn by `seed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// What chance goes by: the n-th call of an action is struck or not, whatever comes between.
    #[serde(default)]
    pub(crate) seed: u64,
    /// What is done to them.
    pub(crate) effect: Effect,
}

/// A kind of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Only {
    /// Calls that change something.
    Changing,
    /// Calls that do not.
    Reading,
}

/// What is done to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// Not executed: answered with an error in the service's own form.
    Refuse {
        /// The error's code.
        code: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
        /// The error's message.
        #[serde(default)]
        message: String,
    },
    /// Not executed, not answered: the connection is closed.
    Lose,
    /// Executed, not answered: the connection is closed.
    Drop,
    /// Executed, and the connection closed half-way through the answer.
    Cut,
    /// Executed, and answered with the first half of the answer as if it were all.
    Garble,
    /// Executed later.
    Delay {
        /// By so many milliseconds.
        ms: u64,
    },
    /// Kept waiting until it is released, and told to those who ask for what is held.
    Hold {
        /// Before or after it is executed.
        at: Turn,
    },
    /// Answered with what was there some time ago; only calls that change nothing.
    Lag {
        /// So many milliseconds ago.
        ms: u64,
    },
    /// What it makes or changes fails.
    Fail {
        /// The reason that AWS gives.
        why: String,
    },
    /// The network interfaces of its region stay for a while after their owners have gone.
    Linger {
        /// For so many milliseconds.
        ms: u64,
    },
    /// Something else is shown in the answer, whatever is true.
    Show {
        /// Where: members with `.` between them, `*` for every element of a list.
        path: String,
        /// What.
        value: Value,
    },
    /// Executed, and then another call is carried out that the client knows nothing of, as by somebody at the console.
    Drift {
        /// `service.Action`.
        call: String,
        /// Its input, by the names of AWS's models; `${ADDRESS}` stands for the id of what carries that address.
        #[serde(default = "nothing")]
        input: Value,
    },
    /// Executed, and then something is deleted behind the client's back.
    Vanish {
        /// The address of a stack's resource, or the id of any.
        what: String,
    },
}

fn bad_request() -> u16 {
    400
}

/// Before a call is executed, or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Turn {
    /// Nothing has been done.
    Before,
    /// It has been done and is not answered.
    After,
}

impl Effect {
    /// Its name, as in a rule.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refuse",
            Self::Lose => "lose",
            Self::Drop => "drop",
            Self::Cut => "cut",
            Self::Garble => "garble",
            Self::Delay { .. } => "delay",
            Self::Hold { .. } => "hold",
            Self::Lag { .. } => "lag",
            Self::Fail { .. } => "fail",
            Self::Linger { .. } => "linger",
            Self::Show { .. } => "show",
            Self::Drift { .. } => "drift",
            Self::Vanish { .. } => "vanish",
        }
    }

    /// The refusal, if it is one.
    pub(super) fn refusal(&self) -> Option<Fault> {
        let Self::Refuse { code, status, message } = self else { return None };
        let message = if message.is_empty() { "A fault on request." } else { message };
        Some(Fault::new(code, message).with_status(*status))
    }
}

/// The input of a call that wants none.
fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Rule {
    /// Says what is wrong with it, if anything is: a rule that can never strike is a mistake.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.call.contains(['.', '*']) {
            return Err(format!("{:?} is no call: write service.Action, e.g. ec2.CreateVpc or rds.*.", self.call));
        }
        if self.nth == Some(0) {
            return Err("`nth` counts from 1.".to_owned());
        }
        if self.probability.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("A probability is 0 to 1.".to_owned());
        }
        self.check_effect()?;
        self.check_calls()
    }

    fn check_effect(&self) -> Result<(), String> {
        let within = |what: &str, ms: u64| match ms {
            ..=LONGEST => Ok(()),
            _ => Err(format!("{what} is at most 60 s.")),
        };
        match &self.effect {
            Effect::Refuse { code, .. } if code.is_empty() => Err("A refusal needs an error code.".to_owned()),
            Effect::Refuse { status, .. } if !(400..=599).contains(status) => {
                Err(format!("{status} is no HTTP status of an error."))
            }
            Effect::Delay { ms } => within("A delay", *ms),
            Effect::Lag { ms } => within("The lag", *ms),
            Effect::Drift { call, input } => drift::check(call, input),
            Effect::Vanish { what } if what.is_empty() => Err("Say what is to vanish: an address or an id.".to_owned()),
            Effect::Linger { .. } | Effect::Lose | Effect::Drop | Effect::Cut | Effect::Garble => Ok(()),
            Effect::Fail { .. } if !FAILING.iter().any(|call| wildcard(&self.call, call)) => {
                Err(format!("Nothing that {} makes can be told to fail; these can: {}.", self.call, FAILING.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Whether there are calls that it can meet.
    fn check_calls(&self) -> Result<(), String> {
        let known =
            SERVICES.iter().flat_map(|service| service.actions.iter().map(|(action, _)| (service.name, *action)));
        let met = known.filter(|(service, action)| wildcard(&self.call, &format!("{service}.{action}")));
        let reads: Vec<bool> = met.map(|(_, action)| is_reading(action)).collect();
        if reads.is_empty() {
            return Err(format!("The local cloud has no call {}.", self.call));
        }
        match (&self.effect, self.only) {
            (Effect::Lag { .. }, Some(Only::Changing)) => {
                Err("A call that changes something is never behind: only answers lag.".to_owned())
            }
            (Effect::Lag { .. }, _) if !reads.contains(&true) => Err(format!(
                "{} changes something, and is never behind. What can be: calls that only read, e.g. ec2.DescribeVpcs, rds.Describe* or *.",
                self.call
            )),
            (_, Some(Only::Reading)) if !reads.contains(&true) => Err(format!("{} never only reads.", self.call)),
            (_, Some(Only::Changing)) if !reads.contains(&false) => {
                Err(format!("{} never changes anything.", self.call))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is about this call.
    pub(super) fn meets(&self, site: &Site) -> bool {
        let is = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|wanted| wanted == given);
        let kind = match self.only {
            None => true,
            Some(Only::Reading) => is_reading(&site.action),
            Some(Only::Changing) => !is_reading(&site.action),
        };
        // Nothing but an answer about what is there can be out of date.
        let can_be = !matches!(self.effect, Effect::Lag { .. }) || is_reading(&site.action);
        let place = is(&self.account, &site.account) && is(&self.region, &site.region);
        kind && can_be && place && wildcard(&self.call, &site.call())
    }

    /// Whether it strikes the `number`-th call that it meets, the `of_this`-th of its action, after it struck `hits`.
    pub(super) fn strikes(&self, site: &Site, number: u64, of_this: u64, hits: u64) -> bool {
        let times = self.times.or(self.nth.map(|_| 1));
        let begun = self.nth.is_none_or(|nth| number >= nth);
        begun
            && times.is_none_or(|times| hits < times)
            && self.probability.is_none_or(|share| draw(self.seed, site, of_this) < share)
    }
}

/// A number from 0 to 1 that goes by nothing but its arguments. The account stays out, so that a test in any has the same luck.
fn draw(seed: u64, site: &Site, number: u64) -> f64 {
    let digest = Sha256::digest(format!("{seed} {}.{} {number}", site.service, site.action));
    let bits = digest.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
