//! What is wrong, or doubtful, with a description, while it is still being read: where by place, not yet by line and column.

use super::source::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
/// How bad it is.
pub enum Severity {
    /// Nothing can be done with the description.
    Error,
    /// It can be deployed, and somebody should know.
    Warning,
}

#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// None: about a file as a whole, which `file` names.
    pub(super) place: Option<Place>,
    pub(super) file: String,
    /// The field, with dots: `service.cpu`.
    pub(super) path: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) allowed: Vec<String>,
    pub(super) did_you_mean: Option<String>,
    /// Another place that has to do with it, and why.
    pub(super) also: Option<(Place, String)>,
}

impl Finding {
    pub(super) fn error(place: Place, path: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: Some(place),
            file: String::new(),
            path: path.to_owned(),
            message: message.into(),
            help: None,
            allowed: Vec::new(),
            did_you_mean: None,
            also: None,
        }
    }

    pub(super) fn warning(place: Place, path: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, path, message) }
    }

    /// About a file as a whole: it is not there, or cannot be read.
    pub(super) fn about_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        let nowhere = Place { source: 0, start: 0, end: 0 };
        Self { place: None, file: file.into(), ..Self::error(nowhere, "", message) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn also(mut self, place: Place, why: impl Into<String>) -> Self {
        self.also = Some((place, why.into()));
        self
    }

    /// What could have been written, and the one of them that is nearest to what was.
    pub(super) fn choices<'a>(mut self, written: &str, choices: impl IntoIterator<Item = &'a str>) -> Self {
        self.allowed = choices.into_iter().map(str::to_owned).collect();
        self.did_you_mean = nearest(written, self.allowed.iter().map(String::as_str)).map(str::to_owned);
        self
    }
}

/// The choice that was probably meant: the nearest one, where it is near enough.
pub(super) fn nearest<'a>(written: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let simple = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let written = simple(written);
    // A word that was cut short or grew an ending (`timeout` for `idle_timeout`) is near too, if not as near.
    let distance = |choice: &str| {
        let choice = simple(choice);
        let part =
            written.len() >= 3 && (choice.contains(&written) || (choice.len() >= 3 && written.contains(&choice)));
        let typing = strsim::osa_distance(&written, &choice);
        if part { typing.min(2) } else { typing }
    };
    let limit = (written.chars().count() / 3).clamp(1, 3);
    choices
        .into_iter()
        .map(|choice| (distance(choice), choice))
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn what_was_probably_meant() {
        let keys = ["engine_version", "username", "readers", "max_idle", "capacity"];
        assert_eq!(nearest("engineVersion", keys), Some("engine_version"));
        assert_eq!(nearest("reader", keys), Some("readers"));
        assert_eq!(nearest("capcity", keys), Some("capacity"));
        assert_eq!(nearest("user_name", keys), Some("username"));
        assert_eq!(nearest("password", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
