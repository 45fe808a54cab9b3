//! What a database's secret holds: a JSON object of credentials and connection. Nothing here prints a value.

use std::fmt;

use rand::seq::IndexedRandom;
use serde_json::{Map, Value};

/// As long as CDK makes it.
const LENGTH: usize = 30;

/// The classes of characters, each in every password. Of the printable ones these are all that CDK does not exclude:
/// none has a meaning in a URL, a shell, JSON, YAML or a connection string.
const CLASSES: [&[u8]; 4] = [b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz", b"0123456789", b"-_=,.^"];

/// The members that say where the database is.
const CONNECTION: [&str; 5] = ["engine", "host", "port", "dbname", "dbClusterIdentifier"];

/// A password, which neither logs nor errors ever show.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::resources) struct Password(String);

impl Password {
    /// A new one, from a generator that is seeded by the operating system and fit for secrets.
    pub(in crate::resources) fn generate() -> Self {
        let mut random = rand::rng();
        let all = CLASSES.concat();
        loop {
            let bytes: Vec<u8> = (0..LENGTH).filter_map(|_| all.choose(&mut random).copied()).collect();
            // Drawing again, rather than placing one of each, keeps every allowed password equally likely.
            if CLASSES.iter().all(|class| bytes.iter().any(|byte| class.contains(byte))) {
                return Self(bytes.into_iter().map(char::from).collect());
            }
        }
    }

    /// The password itself, for the call that needs it.
    pub(in crate::resources) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Where the database is and who may enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resources) struct Connection {
    pub(in crate::resources) username: String,
    pub(in crate::resources) engine: String,
    pub(in crate::resources) host: String,
    pub(in crate::resources) port: u16,
    pub(in crate::resources) dbname: String,
    /// `dbClusterIdentifier`, as RDS's own secrets and CDK's attachment have it.
    pub(in crate::resources) cluster: String,
}

impl Connection {
    /// What is left of one whose members are gone: to which cluster it led.
    pub(in crate::resources) fn lost(cluster: &str) -> Self {
        let nothing = String::new;
        Self {
            username: nothing(),
            engine: nothing(),
            host: nothing(),
            port: 0,
            dbname: nothing(),
            cluster: cluster.to_owned(),
        }
    }
}

/// The JSON object in a secret. Members that are not ours to set stay as they are.
#[derive(Clone, PartialEq)]
pub(in crate::resources) struct Content(Map<String, Value>);

impl Content {
    pub(in crate::resources) fn new(username: &str, password: &Password) -> Self {
        let members = [("username", username), ("password", password.reveal())];
        Self(members.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
    }

    /// `None` where the text is no JSON object.
    pub(in crate::resources) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// `None` where there is none, or an empty one.
    pub(in crate::resources) fn username(&self) -> Option<&str> {
        self.0.get("username")?.as_str().filter(|text| !text.is_empty())
    }

    /// `None` where there is none, or an empty one: nobody logs in with that.
    pub(in crate::resources) fn password(&self) -> Option<Password> {
        self.0.get("password")?.as_str().filter(|text| !text.is_empty()).map(|text| Password(text.to_owned()))
    }

    /// `None` as long as it does not say where the database is.
    pub(in crate::resources) fn connection(&self) -> Option<Connection> {
        Some(self.members()).filter(|connection| !connection.host.is_empty())
    }

    /// What is left of a connection to this cluster.
    pub(in crate::resources) fn remains(&self, cluster: &str) -> Connection {
        Connection { cluster: cluster.to_owned(), ..self.members() }
    }

    /// Members that are missing come back empty, and so differ.
    fn members(&self) -> Connection {
        let text = |key: &str| self.0.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Connection {
            username: self.username().unwrap_or_default().to_owned(),
            engine: text("engine"),
            host: text("host"),
            port: self.0.get("port").and_then(number).unwrap_or_default(),
            dbname: text("dbname"),
            cluster: text("dbClusterIdentifier"),
        }
    }

    pub(in crate::resources) fn connect(&mut self, to: &Connection) {
        let members: [(&str, Value); 6] = [
            ("username", to.username.as_str().into()),
            ("engine", to.engine.as_str().into()),
            ("host", to.host.as_str().into()),
            ("port", to.port.into()),
            ("dbname", to.dbname.as_str().into()),
            ("dbClusterIdentifier", to.cluster.as_str().into()),
        ];
        self.0.extend(members.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }

    pub(in crate::resources) fn disconnect(&mut self) {
        self.0.retain(|key, _| !CONNECTION.contains(&key.as_str()));
    }

    /// The JSON text, for the call that stores it.
    pub(in crate::resources) fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

/// A port is a number where RDS and CDK write it, and a text where people do.
fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|port| port.try_into().ok()).or_else(|| value.as_str()?.parse().ok())
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content with {:?}", self.0.keys().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What CDK excludes, from `ExcludeCharacters` of its `DatabaseSecret`.
    const EXCLUDED: &str = " %+~`#$&*()|[]{}:;<>?!'/@\"\\";

    fn connection() -> Connection {
        Connection {
            username: "app".into(),
            engine: "postgres".into(),
            host: "shop.cluster-x.us-east-1.rds.amazonaws.com".into(),
            port: 5432,
            dbname: "app".into(),
            cluster: "shop-database".into(),
        }
    }

    #[test]
    fn passwords_have_every_class_and_no_excluded_character() {
        for _ in 0..500 {
            let password = Password::generate();
            let text = password.reveal();
            assert_eq!(text.len(), LENGTH);
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!text.contains(|c| EXCLUDED.contains(c)));
            for class in CLASSES {
                assert!(text.bytes().any(|byte| class.contains(&byte)));
            }
        }
        assert_ne!(Password::generate(), Password::generate());
    }

    #[test]
    fn nothing_allowed_is_missing_from_the_classes() {
        let allowed = (b'!'..=b'~').filter(|byte| !EXCLUDED.contains(char::from(*byte))).count();
        assert_eq!(CLASSES.iter().map(|class| class.len()).sum::<usize>(), allowed);
    }

    #[test]
    fn connecting_keeps_the_password_and_what_others_put_there() {
        let before = json!({"username": "app", "password": "x", "team": {"a": [1]}, "port": "9"});
        let mut content = Content::parse(&before.to_string()).unwrap();
        content.connect(&connection());
        let after: Value = serde_json::from_str(&content.text()).unwrap();
        assert_eq!(after["password"], "x");
        assert_eq!(after["team"], before["team"]);
        assert_eq!(after["port"], 5432);
        assert_eq!(content.connection(), Some(connection()));
        content.disconnect();
        let rest: Value = serde_json::from_str(&content.text()).unwrap();
        assert_eq!(rest, json!({"username": "app", "password": "x", "team": {"a": [1]}}));
    }

    #[test]
    fn a_connection_needs_a_host_and_tells_what_is_missing() {
        let read = |value: Value| Content::parse(&value.to_string()).unwrap().connection();
        assert_eq!(read(json!({"username": "app", "port": 5432})), None);
        assert_eq!(read(json!({"host": ""})), None);
        let partial = read(json!({"host": "h", "port": "5432"})).unwrap();
        assert_eq!((partial.port, partial.dbname.as_str()), (5432, ""));
        assert_eq!(read(json!({"host": "h", "port": 70_000})).unwrap().port, 0);
    }

    #[test]
    fn what_is_no_object_is_no_content() {
        for text in ["", "secret", "[1]", "\"text\""] {
            assert_eq!(Content::parse(text), None, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let content = Content::new("app", &Password("hunter2".into()));
        let shown = format!("{content:?} {:?}", content.password());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
