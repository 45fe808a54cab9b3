//! Backup and maintenance windows.

use serde_json::{Map, Value};

use super::input::{combination, invalid};
use crate::local::fault::Fault;

const DAY: i32 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes since midnight of `hh:mm`, both with two digits.
fn minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
    if !two(hour) || !two(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse::<i32>().ok()?, minute.parse::<i32>().ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
}

/// Begin and length in minutes.
fn backup(text: &str) -> Option<(i32, i32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    Some((from, (to - from).rem_euclid(DAY)))
}

fn maintenance(text: &str) -> Option<(i32, i32)> {
    let moment = |text: &str| {
        let (day, time) = text.split_once(':')?;
        let day = DAYS.iter().position(|known| known.eq_ignore_ascii_case(day))?;
        Some(i32::try_from(day).ok()? * DAY + minute(time)?)
    };
    let (from, to) = text.split_once('-')?;
    let (from, to) = (moment(from)?, moment(to)?);
    Some((from, (to - from).rem_euclid(7 * DAY)))
}

/// Days are answered in small letters, however they were given.
pub(super) fn normalize(kept: &mut Map<String, Value>) {
    if let Some(Value::String(window)) = kept.get_mut("PreferredMaintenanceWindow") {
        window.make_ascii_lowercase();
    }
}

/// Refuses windows that are malformed, too short, or that overlap.
pub(super) fn check(backup_window: Option<&str>, maintenance_window: Option<&str>) -> Result<(), Fault> {
    let backup = match backup_window {
        None => None,
        Some(text) => Some(backup(text).ok_or_else(|| {
            invalid(format!("Invalid backup window format: {text}. It must be in the format hh24:mi-hh24:mi."))
        })?),
    };
    let maintenance = match maintenance_window {
        None => None,
        Some(text) => Some(maintenance(text).ok_or_else(|| {
            let format = "ddd:hh24:mi-ddd:hh24:mi";
            invalid(format!("Invalid maintenance window format: {text}. It must be in the format {format}."))
        })?),
    };
    for (name, window) in [("backup", backup), ("maintenance", maintenance)] {
        if window.is_some_and(|(_, length)| length < 30) {
            return Err(invalid(format!("The {name} window must be at least 30 minutes.")));
        }
    }
    if let (Some((begin, length)), Some((from, lasting))) = (backup, maintenance) {
        let day = from.rem_euclid(DAY);
        let meets = |shift: i32| begin + shift < day + lasting && day < begin + shift + length;
        if [-DAY, 0, DAY].into_iter().any(meets) {
            return Err(combination("The backup window and maintenance window must not overlap."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_well_formed_long_enough_and_apart() {
        for (backup, maintenance, code) in [
            (Some("03:00-04:00"), Some("sun:05:00-sun:06:00"), None),
            (Some("23:30-00:30"), Some("Mon:01:00-Mon:01:30"), None),
            (Some("3:00-4:00"), None, Some("InvalidParameterValue")),
            (Some("03:00-04:0"), None, Some("InvalidParameterValue")),
            (Some("+3:00-04:00"), None, Some("InvalidParameterValue")),
            (None, Some("sun:5:00-sun:06:00"), Some("InvalidParameterValue")),
            (Some("03:00"), None, Some("InvalidParameterValue")),
            (Some("03:00-03:10"), None, Some("InvalidParameterValue")),
            (Some("25:00-26:00"), None, Some("InvalidParameterValue")),
            (None, Some("someday"), Some("InvalidParameterValue")),
            (Some("03:00-04:00"), Some("wed:03:30-wed:04:30"), Some("InvalidParameterCombination")),
            (Some("23:30-00:30"), Some("mon:00:00-mon:01:00"), Some("InvalidParameterCombination")),
        ] {
            let refused = check(backup, maintenance).err().map(|fault| fault.code);
            assert_eq!(refused.as_deref(), code, "{backup:?} {maintenance:?}");
        }
    }
}
