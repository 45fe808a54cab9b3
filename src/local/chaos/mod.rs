//! Faults on request: rules that say which calls go wrong, and how. Asked for over the control interface, never over AWS's.
//!
//! `rule` says what a rule is and which calls it meets, `fate` does to one call what the rules decided, `hold` keeps calls
//! waiting, `drift` does what somebody else does meanwhile, `past` answers with what was there some time ago, `control` is the HTTP form. A refusal by the cloud itself is no
//! fault on request: that is `local::fault`.

pub(crate) mod control;
mod drift;
mod fate;
mod hold;
mod past;
mod rule;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

pub(crate) use fate::{Delivery, Fate};
pub(crate) use hold::Moment;
pub(crate) use rule::{Effect, Only, Rule, Site, Turn};

use super::{
    iam,
    pace::Millis,
    world::{Region, World},
};

/// The rules in force, the calls that are held, and what is remembered for those that look at the past. All of it ends with the
/// daemon: a cloud that was started anew does what it should.
#[derive(Default)]
pub(crate) struct Chaos {
    book: Mutex<Book>,
    held: hold::Held,
    past: past::Past,
}

#[derive(Default)]
struct Book {
    last: u64,
    rules: BTreeMap<u64, Entry>,
}

/// A rule and how often it was met.
struct Entry {
    rule: Rule,
    /// By call: how many a rule has met.
    met: BTreeMap<String, u64>,
    /// How often it took effect.
    hits: u64,
}

impl Chaos {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a rule in force; its number.
    ///
    /// # Errors
    /// What is wrong with the rule.
    pub(crate) fn add(&self, rule: Rule) -> Result<u64, String> {
        rule.check()?;
        let mut book = self.book();
        book.last += 1;
        let id = book.last;
        book.rules.insert(id, Entry { rule, met: BTreeMap::new(), hits: 0 });
        Ok(id)
    }

    /// Takes one rule, or all, out of force, and lets the calls go that it holds; how many there were.
    pub(crate) fn clear(&self, id: Option<u64>) -> usize {
        let mut book = self.book();
        let before = book.rules.len();
        book.rules.retain(|other, _| id.is_some_and(|id| id != *other));
        let looks_back = book.rules.values().any(|entry| matches!(entry.rule.effect, Effect::Lag { .. }));
        let gone = before - book.rules.len();
        drop(book);
        if !looks_back {
            self.past.forget();
        }
        self.held.release(|moment| id.is_none_or(|id| id == moment.rule));
        gone
    }

    /// Lets everything go that is held.
    pub(crate) fn let_go(&self) {
        self.held.release(|_| true);
    }

    /// The rules in force, each with its number and how often it was met and took effect.
    fn rules(&self) -> Vec<Value> {
        let view = |(id, entry): (&u64, &Entry)| {
            let mut view = json!(entry.rule);
            view["id"] = json!(id);
            view["met"] = entry.met.values().sum::<u64>().into();
            view["hits"] = entry.hits.into();
            view
        };
        self.book().rules.iter().map(view).collect()
    }

    /// Notes what a region is now, for answers that lag.
    pub(crate) fn note(&self, world: &World, account: &str, region: &str, now: Millis) {
        self.past.note(world, account, region, now);
    }

    /// A region, and what is global in its account, as it was at `then`.
    pub(crate) fn past(&self, account: &str, region: &str, then: Millis) -> (iam::Store, Region) {
        self.past.at(account, region, then)
    }

    /// What the rules do to a call; each rule that it meets counts it.
    pub(crate) fn decide(&self, site: Site) -> Fate<'_> {
        let mut effects = Vec::new();
        for (id, entry) in &mut self.book().rules {
            if !entry.rule.meets(&site) {
                continue;
            }
            let of_this = entry.met.entry(site.call()).or_default();
            *of_this += 1;
            let of_this = *of_this;
            let number = entry.met.values().sum();
            if entry.rule.strikes(&site, number, of_this, entry.hits) {
                entry.hits += 1;
                effects.push((*id, entry.rule.effect.clone()));
            }
        }
        Fate::new(self, site, effects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(action: &str) -> Site {
        Site::new("000000000000", "us-east-1", "ec2", action)
    }

    fn rule(rule: Value) -> Rule {
        serde_json::from_value(rule).unwrap()
    }

    /// Which of `calls` calls are struck.
    fn struck(chaos: &Chaos, calls: usize) -> Vec<usize> {
        (1..=calls).filter(|_| chaos.decide(site("CreateVpc")).describe().is_some()).collect()
    }

    #[test]
    fn a_rule_strikes_the_calls_it_names_and_no_other() {
        let cases = [
            (json!({"call": "ec2.CreateVpc", "effect": "drop"}), vec![1, 2, 3, 4, 5]),
            (json!({"call": "ec2.CreateVpc", "nth": 3, "effect": "drop"}), vec![3]),
            (json!({"call": "*.Create*", "nth": 2, "times": 2, "effect": "drop"}), vec![2, 3]),
            (json!({"call": "*", "only": "changing", "times": 2, "effect": "drop"}), vec![1, 2]),
            (json!({"call": "*", "only": "reading", "effect": "drop"}), vec![]),
            (json!({"call": "rds.*", "effect": "drop"}), vec![]),
            (json!({"call": "*", "account": "111122223333", "effect": "drop"}), vec![]),
            (json!({"call": "*", "region": "eu-west-1", "effect": "drop"}), vec![]),
        ];
        for (given, expected) in cases {
            let chaos = Chaos::default();
            chaos.add(rule(given.clone())).unwrap();
            let struck: Vec<usize> = (1..=5).filter(|_| chaos.decide(site("CreateVpc")).describe().is_some()).collect();
            assert_eq!(struck, expected, "{given}");
        }
    }

    #[test]
    fn chance_is_repeated_by_its_seed_whatever_comes_between() {
        let of = |seed: u64, disturbed: bool| {
            let chaos = Chaos::default();
            chaos.add(rule(json!({"call": "*", "probability": 0.3, "seed": seed, "effect": "drop"}))).unwrap();
            let mut struck = Vec::new();
            for number in 0..200 {
                if disturbed && number % 3 == 0 {
                    chaos.decide(site("DescribeVpcs"));
                }
                struck.push(chaos.decide(site("CreateVpc")).describe().is_some());
            }
            struck
        };
        assert_eq!(of(7, false), of(7, true));
        assert_ne!(of(7, false), of(8, false));
        let share = of(7, false).iter().filter(|struck| **struck).count();
        assert!((40..=80).contains(&share), "{share} of 200 with a probability of 0.3");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let chaos = Chaos::default();
        let cases = [
            (json!({"call": "CreateVpc", "effect": "drop"}), "ec2.CreateVpc"),
            (json!({"call": "ec2.CreateVpcs", "effect": "drop"}), "no call"),
            (json!({"call": "*", "probability": 1.5, "effect": "drop"}), "0 to 1"),
            (json!({"call": "*", "nth": 0, "effect": "drop"}), "from 1"),
            (json!({"call": "*", "effect": {"lag": {"ms": 600_000}}}), "60 s"),
            (json!({"call": "ec2.CreateVpc", "effect": {"lag": {"ms": 5000}}}), "ec2.DescribeVpcs"),
            (json!({"call": "*", "only": "changing", "effect": {"lag": {"ms": 5000}}}), "never behind"),
            (json!({"call": "ec2.CreateVpc", "only": "reading", "effect": "drop"}), "never only reads"),
            (json!({"call": "ec2.DescribeVpcs", "only": "changing", "effect": "drop"}), "never changes"),
            (json!({"call": "ec2.CreateVpc", "effect": {"fail": {"why": "no room"}}}), "ec2.CreateNatGateway"),
            (json!({"call": "*", "effect": {"refuse": {"code": "", "status": 400}}}), "code"),
        ];
        for (given, part) in cases {
            let said = chaos.add(rule(given.clone())).unwrap_err();
            assert!(said.contains(part), "{given}: {said}");
        }
    }

    #[test]
    fn a_cleared_rule_is_out_of_force() {
        let chaos = Chaos::default();
        let first = chaos.add(rule(json!({"call": "*", "effect": "lose"}))).unwrap();
        chaos.add(rule(json!({"call": "*", "nth": 2, "effect": "drop"}))).unwrap();
        assert_eq!(struck(&chaos, 1), [1]);
        assert_eq!(chaos.clear(Some(first)), 1);
        assert_eq!(struck(&chaos, 3), [1], "the other one counted on");
        assert_eq!(chaos.clear(None), 1);
        assert_eq!(struck(&chaos, 3), [] as [usize; 0]);
    }
}
