//! Numbers with a unit: "30 min", "2 GB", "1 vCPU", "90 %", "0.5 ACU".

use super::scalar::{Scalar, Wrong, scalar, wrong};

scalar!(Duration, Percent, Memory, Cpu, Acu);

/// A length of time, written with its unit: `45 s`, `30 min`, `1 h 30 min`, `7 days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

impl Duration {
    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// From whole days.
    #[must_use]
    pub const fn from_days(days: u32) -> Self {
        Self::from_secs(days as u64 * DAY)
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn get(self) -> std::time::Duration {
        self.0
    }

    /// Whole seconds.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// Whole days; what is left over is dropped (fields that count in days accept no fractions).
    #[must_use]
    pub const fn as_days(self) -> u64 {
        self.as_secs() / DAY
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const UNITS: &[(&str, u64)] = &[
    ("s", 1),
    ("sec", 1),
    ("second", 1),
    ("seconds", 1),
    ("min", MINUTE),
    ("minute", MINUTE),
    ("minutes", MINUTE),
    ("h", HOUR),
    ("hour", HOUR),
    ("hours", HOUR),
    ("d", DAY),
    ("day", DAY),
    ("days", DAY),
    ("week", 7 * DAY),
    ("weeks", 7 * DAY),
];

impl Scalar for Duration {
    const FORMAT: &'static str = "infra-duration";
    const EXAMPLES: &'static [&'static str] = &["45 s", "30 min", "1 h 30 min", "7 days"];
    const PATTERN: &'static str = r"^\s*([0-9]+\s*[a-z]+\s*)+$";

    fn read(text: &str) -> Result<Self, Wrong> {
        const FORM: &str = "write a whole number and its unit (s, min, h, days), as in `30 min`";
        let mut seconds = 0_u64;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong("a length of time is missing here", FORM));
        }
        while !rest.is_empty() {
            let (number, after) =
                number(rest).ok_or_else(|| wrong(format!("`{text}` is not a length of time"), FORM))?;
            let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            if unit.is_empty() && after.is_empty() && number != 0 {
                return Err(wrong(format!("`{text}` has no unit"), FORM));
            }
            let known = UNITS.iter().find(|(name, _)| *name == unit);
            let Some((_, size)) = known.or((number == 0 && unit.is_empty()).then_some(&("s", 1))) else {
                return Err(wrong(format!("`{text}` is not a length of time"), FORM));
            };
            seconds = number
                .checked_mul(*size)
                .and_then(|part| seconds.checked_add(part))
                .filter(|total| *total <= 100 * 365 * DAY)
                .ok_or_else(|| wrong(format!("`{text}` is longer than a hundred years"), FORM))?;
            rest = after.trim_start();
        }
        Ok(Self::from_secs(seconds))
    }

    fn write(&self) -> String {
        let seconds = self.as_secs();
        let (count, unit) = match seconds {
            0 => (0, "s"),
            s if s % DAY == 0 => (s / DAY, if s == DAY { "day" } else { "days" }),
            s if s % HOUR == 0 => (s / HOUR, "h"),
            s if s % MINUTE == 0 => (s / MINUTE, "min"),
            s => (s, "s"),
        };
        format!("{count} {unit}")
    }

    fn quantity(&self) -> Option<u64> {
        Some(self.as_secs())
    }
}

/// A share in whole per cent, written `90 %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

impl Percent {
    /// From a number of at most 100; more counts as 100.
    #[must_use]
    pub const fn new(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// The number before the `%`.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Scalar for Percent {
    const FORMAT: &'static str = "infra-percent";
    const EXAMPLES: &'static [&'static str] = &["90 %"];
    const PATTERN: &'static str = r"^\s*[0-9]+\s*%\s*$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let Some((number, rest)) = number(text.trim()) else {
            return Err(wrong(format!("`{text}` is not a share"), "write a whole number of per cent, as in `90 %`"));
        };
        if rest.is_empty() {
            return Err(wrong(format!("`{text}` has no unit"), format!("write `{text} %` if per cent is meant")));
        }
        match u8::try_from(number) {
            Ok(percent @ 0..=100) if rest == "%" => Ok(Self(percent)),
            _ => Err(wrong(
                format!("`{text}` is not a share"),
                "write a whole number from 0 to 100 and `%`, as in `90 %`",
            )),
        }
    }

    fn write(&self) -> String {
        format!("{} %", self.0)
    }

    fn quantity(&self) -> Option<u64> {
        Some(self.0.into())
    }
}

/// Memory, written `2 GB` or `512 MB`; a GB is 1024 MB, as App Runner counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory(u32);

impl Memory {
    /// From MB.
    #[must_use]
    pub const fn from_mb(mb: u32) -> Self {
        Self(mb)
    }

    /// In MB, the form App Runner's answers use (`2048`).
    #[must_use]
    pub const fn as_mb(self) -> u32 {
        self.0
    }
}

impl Scalar for Memory {
    const FORMAT: &'static str = "infra-memory";
    const EXAMPLES: &'static [&'static str] = &["2 GB", "512 MB"];
    const PATTERN: &'static str = r"^\s*[0-9]+(\.[0-9]+)?\s*(GB|MB)\s*$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let unknown =
            || wrong(format!("`{text}` is not an amount of memory"), "write a number and GB or MB, as in `2 GB`");
        let (thousandths, rest) = decimal(text.trim()).ok_or_else(unknown)?;
        let mb = match rest {
            "GB" | "GiB" => thousandths * 1024,
            "MB" | "MiB" => thousandths,
            "" => return Err(wrong(format!("`{text}` has no unit"), format!("write `{text} GB` or `{text} MB`"))),
            _ => return Err(unknown()),
        };
        if mb % 1000 != 0 {
            return Err(wrong(format!("`{text}` is not a whole number of MB"), "write it in MB, as in `512 MB`"));
        }
        u32::try_from(mb / 1000).map(Self).map_err(|_| unknown())
    }

    fn write(&self) -> String {
        match self.0 {
            mb if mb % 512 == 0 => format!("{} GB", f64::from(mb) / 1024.0),
            mb => format!("{mb} MB"),
        }
    }

    fn quantity(&self) -> Option<u64> {
        Some(self.0.into())
    }
}

/// Processing power, written `1 vCPU` or `0.25 vCPU`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpu(u32);

impl Cpu {
    /// From units of 1/1024 vCPU.
    #[must_use]
    pub const fn from_units(units: u32) -> Self {
        Self(units)
    }

    /// In units of 1/1024 vCPU, the form App Runner's answers use (`1024`).
    #[must_use]
    pub const fn as_units(self) -> u32 {
        self.0
    }
}

impl Scalar for Cpu {
    const FORMAT: &'static str = "infra-cpu";
    const EXAMPLES: &'static [&'static str] = &["1 vCPU", "0.25 vCPU"];
    const PATTERN: &'static str = r"^\s*[0-9]+(\.[0-9]+)?\s*v?CPU\s*$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let unknown = || {
            wrong(
                format!("`{text}` is not an amount of processing power"),
                "write 0.25 vCPU, 0.5 vCPU, 1 vCPU, 2 vCPU or 4 vCPU",
            )
        };
        let (thousandths, rest) = decimal(text.trim()).ok_or_else(unknown)?;
        if rest.is_empty() {
            return Err(wrong(format!("`{text}` has no unit"), "write 0.25 vCPU, 0.5 vCPU, 1 vCPU, 2 vCPU or 4 vCPU"));
        }
        if !matches!(rest, "vCPU" | "CPU" | "vcpu") || thousandths * 1024 % 1000 != 0 {
            return Err(unknown());
        }
        u32::try_from(thousandths * 1024 / 1000).map(Self).map_err(|_| unknown())
    }

    fn write(&self) -> String {
        format!("{} vCPU", f64::from(self.0) / 1024.0)
    }

    fn quantity(&self) -> Option<u64> {
        Some(self.0.into())
    }
}

/// Aurora capacity units, in steps of 0.5; an ACU is about 2 GB of memory with the processing power that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acu {
    halves: u16,
}

impl Acu {
    /// The most that Aurora Serverless v2 offers.
    pub const MAX: Self = Self::from_halves(512);

    /// From halves of an ACU: 1 is 0.5 ACU.
    #[must_use]
    pub const fn from_halves(halves: u16) -> Self {
        Self { halves }
    }

    /// The number, as the AWS API wants it.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.halves) / 2.0
    }
}

impl Scalar for Acu {
    const FORMAT: &'static str = "infra-acu";
    const EXAMPLES: &'static [&'static str] = &["0.5", "4"];
    const BARE_NUMBER: bool = true;
    const PATTERN: &'static str = r"^\s*[0-9]+(\.[05])?\s*(ACU)?\s*$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let unknown =
            || wrong(format!("`{text}` is not a capacity"), "write a number of ACUs in steps of 0.5, from 0 to 256");
        let (thousandths, rest) = decimal(text.trim()).ok_or_else(unknown)?;
        if !matches!(rest, "" | "ACU" | "ACUs") {
            return Err(unknown());
        }
        let acu = decimal_text(thousandths);
        if thousandths > 256_000 {
            return Err(wrong(format!("{acu} ACU are more than Aurora Serverless v2 has"), "write at most 256"));
        }
        if thousandths % 500 != 0 {
            let below = decimal_text(thousandths / 500 * 500);
            let above = decimal_text((thousandths / 500 + 1) * 500);
            let what = format!("{acu} ACU are not a step of Aurora Serverless v2, which goes by 0.5");
            return Err(wrong(what, format!("write {below} or {above}")));
        }
        u16::try_from(thousandths / 500).map(|halves| Self { halves }).map_err(|_| unknown())
    }

    fn write(&self) -> String {
        self.get().to_string()
    }

    fn quantity(&self) -> Option<u64> {
        Some(self.halves.into())
    }
}

/// A whole number at the start, and what follows it without the space between.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest.trim_start()))
}

/// A number with up to three decimals at the start, in thousandths, and what follows it without the space between.
fn decimal(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let whole: u64 = whole.parse::<u32>().ok()?.into();
    let Some(rest) = rest.strip_prefix('.') else { return Some((whole * 1000, rest.trim_start())) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let significant = digits.trim_end_matches('0');
    if digits.is_empty() || significant.len() > 3 {
        return None;
    }
    let fraction: u64 = format!("{significant:0<3}").parse().ok()?;
    Some((whole * 1000 + fraction, rest.trim_start()))
}

fn decimal_text(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["45 s", "30 min", "90 min", "2 h", "1 day", "7 days"] {
            assert_eq!(Duration::read(text).unwrap().write(), text);
        }
        for text in ["2 GB", "0.5 GB", "100 MB"] {
            assert_eq!(Memory::read(text).unwrap().write(), text);
        }
        for text in ["0.25 vCPU", "4 vCPU"] {
            assert_eq!(Cpu::read(text).unwrap().write(), text);
        }
        for text in ["0", "0.5", "256"] {
            assert_eq!(Acu::read(text).unwrap().write(), text);
        }
        assert_eq!(Percent::read("90%").unwrap().write(), "90 %");
    }

    #[test]
    fn one_value_has_many_forms() {
        assert_eq!(Duration::read("1h30min"), Duration::read("90 min"));
        assert_eq!(Duration::read("2 weeks").unwrap(), Duration::from_days(14));
        assert_eq!(Duration::read("0").unwrap(), Duration::from_secs(0));
        assert_eq!(Memory::read("512 MB").unwrap(), Memory::read("0.5 GB").unwrap());
        assert_eq!(Cpu::read("0.25 vCPU").unwrap().as_units(), 256);
        assert_eq!(Acu::read("2.50 ACU").unwrap().get(), 2.5);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in
            ["", "30", "min", "-1 s", "1.5 h", "30 minuten", "99999999999999999999 s", "18446744073709551615 days"]
        {
            assert!(Duration::read(text).is_err(), "{text}");
        }
        for text in ["90", "101 %", "-1 %", "5.5 %", "300 %"] {
            assert!(Percent::read(text).is_err(), "{text}");
        }
        for text in ["2", "2 gb", "0.3 GB", "two GB", "9999999999 GB"] {
            assert!(Memory::read(text).is_err(), "{text}");
        }
        for text in ["0.7", "256.5", "-1", "1e3", "1.", ".5"] {
            assert!(Acu::read(text).is_err(), "{text}");
        }
    }
}
