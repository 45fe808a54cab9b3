//! Which database the function works on. That stands in the function's own configuration, which few may change, and in no
//! order: whoever may call the function is not to send it, with the secret that it reads, to a server of their own.

/// The proxy's endpoint.
pub const HOST: &str = "INFRA_HOST";
/// Its port.
pub const PORT: &str = "INFRA_PORT";
/// The database.
pub const DBNAME: &str = "INFRA_DBNAME";
/// The ARN of the secret with the credentials.
pub const SECRET: &str = "INFRA_SECRET";
/// The authorities to trust in place of the public ones, in PEM.
pub const CA: &str = "INFRA_CA";

/// The most that Lambda takes as variables, in bytes, less what the others need.
pub const LARGEST_CA: usize = 3 << 10;

/// What the function is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The proxy's endpoint.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub dbname: String,
    /// The ARN of the secret with the credentials.
    pub secret: String,
    /// The authorities to trust in place of the public ones, in PEM.
    pub ca: Option<String>,
}

impl Bound {
    /// What the function's configuration says.
    ///
    /// # Errors
    /// The variable that is missing, or makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
        let text = |name: &'static str| variable(name).filter(|text| !text.is_empty()).ok_or(name);
        Ok(Self {
            host: text(HOST)?,
            port: text(PORT)?.parse().map_err(|_| PORT)?,
            dbname: text(DBNAME)?,
            secret: text(SECRET)?,
            ca: text(CA).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_configuration_it_is_bound_to_nothing() {
        let all = [(HOST, "db"), (PORT, "5432"), (DBNAME, "app"), (SECRET, "arn")];
        let read = |without: &str| {
            let given = all.iter().filter(|(name, _)| *name != without);
            let given: Vec<(&str, &str)> = given.copied().collect();
            Bound::read(|name| given.iter().find(|(given, _)| *given == name).map(|(_, text)| (*text).to_owned()))
        };
        let bound = read("").unwrap();
        assert_eq!((bound.host.as_str(), bound.port, bound.ca), ("db", 5432, None));
        for (name, _) in all {
            assert_eq!(read(name).unwrap_err(), name);
        }
    }
}
