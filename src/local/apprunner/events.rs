//! What App Runner tells about its services, out of their log groups `/aws/apprunner/NAME/ID/service`, for
//! `infra local logs --service --events`.

use serde::Serialize;
use serde_json::Value;

use crate::local::{
    cloud::{Cloud, now},
    members::time,
};

/// A line about a service.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    /// The service's name.
    service: String,
    /// RFC 3339 with milliseconds.
    at: Value,
    message: String,
}

impl Cloud {
    /// Everything told about services that exist, or were deleted within the hour; the oldest first.
    pub(crate) fn events(&self) -> Vec<Event> {
        let (now, mut found) = (now(), Vec::new());
        for content in self.world().accounts.values_mut() {
            for place in content.regions.values_mut() {
                place.settle(now, &content.iam);
                for service in place.apprunner.services.values() {
                    let lines = place.logs.lines(&service.log_group("service"), super::EVENTS);
                    found.extend(lines.map(|(at, message)| (at, service.name.clone(), message.to_owned())));
                }
            }
        }
        found.sort_by_key(|(at, ..)| *at);
        found.into_iter().map(|(at, service, message)| Event { service, at: time(at), message }).collect()
    }
}
