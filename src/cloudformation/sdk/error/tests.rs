use super::*;

fn classified(code: &str, message: &str, status: u16) -> Error {
    classify(&Refusal {
        call: "DescribeStacks",
        code: Some(code),
        message: Some(message),
        status,
        request_id: Some("8d1b"),
    })
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::NotFound(_) => "NotFound",
        Error::AlreadyExists(_) => "AlreadyExists",
        Error::NoChange(_) => "NoChange",
        Error::Busy(_) => "Busy",
        Error::Throttled(_) => "Throttled",
        Error::Denied(_) => "Denied",
        Error::Unauthenticated(_) => "Unauthenticated",
        Error::RoleNotAssumable(_) => "RoleNotAssumable",
        Error::Invalid(_) => "Invalid",
        Error::Limit(_) => "Limit",
        Error::Unavailable(_) => "Unavailable",
        Error::Unknown(_) => "Unknown",
    }
}

#[test]
fn every_refusal_that_aws_is_known_to_give_is_told_apart() {
    let cases = [
        ("ValidationError", "Stack with id blog does not exist", 400, "NotFound"),
        ("ValidationError", "Stack [blog] does not exist", 400, "NotFound"),
        ("ValidationError", "Stack 'arn:aws:cloudformation:eu-west-1:1:stack/a/b' does not exist", 400, "NotFound"),
        ("ChangeSetNotFound", "ChangeSet [c] does not exist", 404, "NotFound"),
        ("NoSuchBucket", "The specified bucket does not exist", 404, "NotFound"),
        ("ResourceNotFoundException", "Domain not found: d", 409, "NotFound"),
        ("ValidationError", "No updates are to be performed.", 400, "NoChange"),
        (
            "ValidationError",
            "Stack:arn:aws:cloudformation:eu-west-1:1:stack/a/b is in UPDATE_ROLLBACK_FAILED state and can not be updated.",
            400,
            "Busy",
        ),
        ("ValidationError", "Stack a is in CREATE_IN_PROGRESS state and cannot be updated", 400, "Busy"),
        ("ValidationError", "ContinueUpdateRollback cannot be called from current stack status", 400, "Busy"),
        ("ValidationError", "Stack [a] cannot be deleted while TerminationProtection is enabled", 400, "Busy"),
        ("ValidationError", "Drift detection is already in progress for stack a", 400, "Busy"),
        ("InvalidChangeSetStatus", "ChangeSet [c] cannot be executed in its current status", 400, "Busy"),
        ("TokenAlreadyExistsException", "A client request token already exists", 400, "Busy"),
        ("Throttling", "Rate exceeded", 400, "Throttled"),
        ("ThrottlingException", "Rate exceeded", 400, "Throttled"),
        ("RequestLimitExceeded", "Request limit exceeded.", 503, "Throttled"),
        ("SlowDown", "Please reduce your request rate.", 503, "Throttled"),
        ("ValidationError", "Rate exceeded", 400, "Throttled"),
        ("Whatever", "slow down", 429, "Throttled"),
        ("AlreadyExistsException", "Stack [a] already exists", 400, "AlreadyExists"),
        ("LimitExceededException", "Limit for stack has been exceeded", 400, "Limit"),
        ("AccessDenied", "User: u is not authorized to perform: cloudformation:CreateStack", 403, "Denied"),
        ("AccessDeniedException", "User: u is not authorized to perform: es:DescribeDomain", 403, "Denied"),
        ("UnauthorizedOperation", "You are not authorized to perform this operation.", 403, "Denied"),
        ("ValidationError", "User: u is not authorized to perform: iam:PassRole on resource: r", 400, "Denied"),
        ("ExpiredToken", "The security token included in the request is expired", 403, "Unauthenticated"),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", 403, "Unauthenticated"),
        ("UnrecognizedClientException", "The security token is invalid.", 403, "Unauthenticated"),
        ("SignatureDoesNotMatch", "Signature expired", 403, "Unauthenticated"),
        ("ValidationError", "Role arn:aws:iam::1:role/r is invalid or cannot be assumed", 400, "RoleNotAssumable"),
        ("ValidationError", "Template format error: unsupported structure.", 400, "Invalid"),
        ("ValidationError", "Parameters: [A] do not exist in the template", 400, "Invalid"),
        ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]", 400, "Invalid"),
        ("InternalFailure", "", 500, "Unavailable"),
        ("ServiceUnavailable", "", 503, "Unavailable"),
        ("Whatever", "", 502, "Unavailable"),
        ("NewCodeOf2031", "something new", 400, "Unknown"),
    ];
    for (code, message, status, expected) in cases {
        assert_eq!(kind(&classified(code, message, status)), expected, "{code}: {message}");
    }
}

#[test]
fn only_a_text_about_the_stack_itself_reads_as_there_is_none() {
    for message in [
        "Role arn:aws:iam::1:role/gone does not exist",
        "Template error: instance of Fn::GetAtt references undefined resource; it does not exist",
        "",
    ] {
        assert_eq!(kind(&classified("ValidationError", message, 400)), "Invalid", "{message}");
    }
    // A page of a proxy, and an answer without any code.
    assert_eq!(kind(&classified("", "Stack with id blog does not exist", 404)), "Unknown");
    assert_eq!(kind(&classify(&Refusal { status: 404, ..Refusal::default() })), "Unknown");
}

#[test]
fn the_text_names_the_call_what_aws_says_and_the_request() {
    let error = classified("AccessDenied", "User: u is not authorized to perform: cloudformation:CreateStack", 403);
    assert_eq!(
        error.to_string(),
        "failed to get permission: DescribeStacks: AccessDenied: User: u is not authorized to perform: \
         cloudformation:CreateStack (HTTP 403, request id 8d1b)"
    );
}

#[test]
fn a_text_without_end_is_cut() {
    let error = classified("AccessDenied", &"x".repeat(100_000), 403);
    assert!(error.to_string().len() < LONGEST_TEXT + 200);
}

#[test]
fn a_refusal_by_sts_comes_up_through_the_layers_as_it_is() {
    let ours = Error::RoleNotAssumable("arn:aws:iam::1:role/r: AccessDenied".into());
    let wrapped = CredentialsError::provider_error(ours.clone());
    assert_eq!(of_credentials(&wrapped), Some(ours));
    let none = CredentialsError::not_loaded("no providers in chain provided credentials");
    assert_eq!(of_credentials(&none).as_ref().map(kind), Some("Unauthenticated"));
    assert_eq!(of_credentials(&std::io::Error::other("connection refused")), None);
}
