//! Looks for changes that somebody made by hand. They are shown, and nothing is corrected: whoever made them had a reason.

use std::time::Duration;

use jiff::Timestamp;

use super::port::{Drift, Error, Stack};
use super::work::Work;
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::status::{DriftStatus, UnitStatus};

/// How long a look may take before it is given up. AWS forgets looks after a while.
const LONGEST_LOOK: Duration = Duration::from_hours(1);

/// How long until the next look; `None`: it is due.
#[must_use]
pub fn due_after(record: &UnitStatus, every: Duration, now: Timestamp) -> Option<Duration> {
    let time: Timestamp = record.drift.as_ref()?.time.parse().ok()?;
    let age = Duration::try_from(now.duration_since(time)).unwrap_or_default();
    every.checked_sub(age).filter(|it| !it.is_zero())
}

/// Begins a look that is due, or asks what one has found. Returns when to come back.
pub(super) async fn step(work: &mut Work<'_>, stack: &Stack, every: Duration) -> Result<Option<Duration>, Error> {
    let before = work.record.drift.clone().unwrap_or_default();
    let Some(id) = before.detection_id.clone() else {
        if let Some(after) = due_after(&work.record, every, work.now) {
            return Ok(Some(after));
        }
        let id = work.port.detect_drift(&stack.id).await?;
        work.record.drift = Some(DriftStatus { time: work.now.to_string(), detection_id: Some(id), ..before });
        return Ok(Some(work.poll));
    };
    let found = match work.port.drift(&stack.id, &id).await {
        Ok(Drift::Detecting) if due_after(&work.record, LONGEST_LOOK, work.now).is_some() => {
            return Ok(Some(work.poll));
        }
        Ok(Drift::Found(found)) => found.into_iter().map(|(id, what)| format!("{id} {what}")).collect(),
        // What was known stays known until a look succeeds.
        Ok(Drift::Detecting | Drift::Failed(_)) | Err(Error::NotFound(_)) => before.resources,
        Err(error) => return Err(error),
    };
    work.record.drift = Some(DriftStatus { time: work.now.to_string(), detection_id: None, resources: found });
    Ok(Some(every))
}

/// What the last look at a unit found; `None`: no change by hand, as far as it was looked for.
#[must_use]
pub fn finding(record: &UnitStatus) -> Option<Finding> {
    let drift = record.drift.as_ref().filter(|it| !it.resources.is_empty())?;
    let message = format!(
        "the stack {} was changed by hand: {}; nothing is corrected by itself. See what differs with: aws cloudformation \
         describe-stack-resource-drifts --stack-name {0}",
        record.stack_name,
        drift.resources.join(", ")
    );
    Some(Finding::new(Reason::Drifted, message))
}
