//! What an answer of AWS that is not a result means. The one place that reads codes and texts of errors.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::RequestId;

use crate::cloudformation::port::Error;

/// The longest text that is passed on; AWS quotes whole policies in some of its errors.
const LONGEST_TEXT: usize = 1_000;

/// Too many calls: the codes of the SDK's own list, and those of S3.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>.
const THROTTLED: [&str; 13] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceeded.Throttling",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// The credentials are not, or no longer, good for anything.
const UNAUTHENTICATED: [&str; 14] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

const DENIED: [&str; 5] =
    ["AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired", "UnauthorizedOperation"];

const NOT_FOUND: [&str; 6] = [
    "ChangeSetNotFound",
    "ChangeSetNotFoundException",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "StackNotFound",
    "StackNotFoundException",
];

const BUSY: [&str; 5] = [
    "InvalidChangeSetStatus",
    "OperationInProgressException",
    "OperationStatusCheckFailedException",
    "StaleRequestException",
    // Another operation with our token is under way: it is the one that we wanted.
    "TokenAlreadyExistsException",
];

/// "Not now", whatever the HTTP status.
const UNAVAILABLE: [&str; 8] = [
    "InternalError",
    "InternalException",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// An answer of AWS that is not a result.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusal<'a> {
    /// The name of the call, such as `DescribeStacks`.
    pub(super) call: &'a str,
    pub(super) code: Option<&'a str>,
    pub(super) message: Option<&'a str>,
    /// The HTTP status.
    pub(super) status: u16,
    pub(super) request_id: Option<&'a str>,
}

impl Refusal<'_> {
    /// What a person reads: the call, what AWS says, and the id by which AWS finds it again.
    fn text(&self) -> String {
        let code = self.code.unwrap_or("no code");
        let message: String = self.message.unwrap_or("no message").chars().take(LONGEST_TEXT).collect();
        let request = self.request_id.map(|id| format!(", request id {id}")).unwrap_or_default();
        format!("{}: {code}: {message} (HTTP {}{request})", self.call, self.status)
    }
}

/// What a refusal means. Codes come first, since they are part of the API; texts are read only where AWS has one code
/// for everything. What is not known reads as [`Error::Unknown`], and never as "there is none".
pub(super) fn classify(refusal: &Refusal<'_>) -> Error {
    let text = refusal.text();
    let code = refusal.code.unwrap_or_default();
    let message = refusal.message.unwrap_or_default();
    if THROTTLED.contains(&code) || message.contains("Rate exceeded") || refusal.status == 429 {
        return Error::Throttled(text);
    }
    if UNAUTHENTICATED.contains(&code) {
        return Error::Unauthenticated(text);
    }
    if DENIED.contains(&code) || message.contains("is not authorized to perform") {
        return Error::Denied(text);
    }
    if UNAVAILABLE.contains(&code) || refusal.status >= 500 {
        return Error::Unavailable(text);
    }
    if NOT_FOUND.contains(&code) {
        return Error::NotFound(text);
    }
    if BUSY.contains(&code) {
        return Error::Busy(text);
    }
    match code {
        "AlreadyExistsException" => Error::AlreadyExists(text),
        "LimitExceededException" | "LimitExceeded" => Error::Limit(text),
        "InsufficientCapabilitiesException" | "InvalidOperationException" => Error::Invalid(text),
        "ValidationError" | "ValidationException" => validation(message, text),
        _ => Error::Unknown(text),
    }
}

/// `CloudFormation` answers `ValidationError` to nearly everything. "There is none" is only read from a text that speaks
/// of the stack or change set itself: a role or a parameter that does not exist is another matter.
fn validation(message: &str, text: String) -> Error {
    let of_stack = message.starts_with("Stack") || message.starts_with("ChangeSet");
    if of_stack && message.contains("does not exist") {
        Error::NotFound(text)
    } else if message.contains("No updates are to be performed") {
        Error::NoChange(text)
    } else if (of_stack && message.contains(" is in ") && message.contains(" state"))
        || message.contains("cannot be called from current stack status")
        || message.contains("TerminationProtection is enabled")
        || message.contains("already in progress")
    {
        Error::Busy(text)
    } else if message.contains("is invalid or cannot be assumed") {
        // The service role of the stack.
        Error::RoleNotAssumable(text)
    } else {
        Error::Invalid(text)
    }
}

/// What went wrong in a call. A failure to become the role that the call needs comes up through the SDK as a cause of
/// the call's own failure, and is passed on as it is.
pub(super) fn from_sdk<E>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let SdkError::ServiceError(refused) = error {
        return classify(&Refusal {
            call,
            code: refused.err().code(),
            message: refused.err().message(),
            status: refused.raw().status().as_u16(),
            request_id: refused.err().meta().request_id(),
        });
    }
    if let Some(error) = of_credentials(error) {
        return error;
    }
    let text = format!("{call}: {}", chain(error));
    match error {
        SdkError::ConstructionFailure(_) => Error::Invalid(text),
        // An answer that cannot be read, for instance an error page of a proxy, says nothing of what was done.
        _ => Error::Unavailable(text),
    }
}

/// The failure to get credentials among the causes of `error`.
fn of_credentials(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut cause = Some(error);
    let mut found = None;
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        // The identity cache has no public type for its time limit.
        if error.is::<CredentialsError>() || error.to_string().starts_with("identity resolver timed out") {
            found.get_or_insert_with(|| Error::Unauthenticated(chain(error)));
        }
        cause = error.source();
    }
    found
}

/// An error with its causes. They are texts of the SDK: addresses and reasons, no keys.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some layers repeat what they wrap.
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests;
