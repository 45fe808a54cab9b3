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
    account: String,
    region: String,
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
        for (account, content) in &mut self.world().accounts {
            for (region, place) in &mut content.regions {
                place.settle(now, &content.iam);
                for service in place.apprunner.services.values() {
                    let lines = place.logs.lines(&service.log_group("service"), super::EVENTS);
                    let event = |(at, message): (u64, &str)| {
                        let (account, region) = (account.clone(), region.clone());
                        let (service, message) = (service.name.clone(), message.to_owned());
                        (at, Event { account, region, service, at: time(at), message })
                    };
                    found.extend(lines.map(event));
                }
            }
        }
        found.sort_by_key(|(at, ..)| *at);
        found.into_iter().map(|(_, event)| event).collect()
    }
}
