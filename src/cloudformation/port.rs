//! What the engine needs of `CloudFormation`, in our own words. The SDK adapter, the cache in front of it and the fake of
//! the tests implement it; the engine knows none of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

/// Why a call failed. Told apart by what the caller may conclude: only [`Error::NotFound`] means that something is not
/// there. A throttle that read as "no stack" would create a second database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such stack or change set.
    #[error("failed to find {0}")]
    NotFound(String),
    /// There is one of that name already.
    #[error("failed to create what exists: {0}")]
    AlreadyExists(String),
    /// The change changes nothing.
    #[error("failed to find a difference: {0}")]
    NoChange(String),
    /// The stack is in a state in which it takes no such operation.
    #[error("failed to start an operation on a busy stack: {0}")]
    Busy(String),
    /// Too many calls, of ours or of others in the account.
    #[error("failed to stay within the rate of AWS: {0}")]
    Throttled(String),
    /// No right to do this. The text names the action and the principal.
    #[error("failed to get permission: {0}")]
    Denied(String),
    /// There are no credentials, or they have expired.
    #[error("failed to get credentials: {0}")]
    Unauthenticated(String),
    /// The role cannot be assumed. The text names the role and what STS says.
    #[error("failed to assume the role: {0}")]
    RoleNotAssumable(String),
    /// The request is wrong and stays wrong.
    #[error("failed to make a valid request: {0}")]
    Invalid(String),
    /// A quota is used up.
    #[error("failed to stay within a quota: {0}")]
    Limit(String),
    /// No answer, or one that says "not now". Whether a mutation was carried out is not known.
    #[error("failed to get an answer: {0}")]
    Unavailable(String),
    /// An answer that this version does not understand.
    #[error("failed to understand the answer: {0}")]
    Unknown(String),
}

/// A stack as `DescribeStacks` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The ARN, unique over time: a stack of the same name made later has another.
    pub id: String,
    /// The name, unique among the stacks that are not deleted.
    pub name: String,
    /// The status as AWS writes it, such as `CREATE_COMPLETE`.
    pub status: String,
    /// Why it has that status.
    pub status_reason: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// When the last update began.
    pub updated: Option<Timestamp>,
    /// The values of its outputs.
    pub outputs: BTreeMap<String, String>,
    /// The values of its parameters; secret ones are masked.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it refuses to be deleted.
    pub termination_protection: bool,
}

/// One line of `ListStacks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackSummary {
    /// The ARN.
    pub id: String,
    /// The name.
    pub name: String,
    /// The status.
    pub status: String,
}

/// One resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackResource {
    /// The name in the template.
    pub logical_id: String,
    /// The name in AWS, once it has one.
    pub physical_id: Option<String>,
    /// Such as `AWS::RDS::DBCluster`.
    pub kind: String,
    /// Such as `CREATE_IN_PROGRESS`.
    pub status: String,
}

/// One event of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackEvent {
    /// When it happened.
    pub time: Timestamp,
    /// The token of the operation that it belongs to.
    pub token: Option<String>,
    /// The name in the template; that of the stack for the stack's own events.
    pub logical_id: String,
    /// The name in AWS, once there is one.
    pub physical_id: Option<String>,
    /// The type of the resource.
    pub kind: String,
    /// Such as `CREATE_FAILED`.
    pub status: String,
    /// What AWS says about it.
    pub reason: Option<String>,
}

/// A stack to create. Rights to name IAM roles are always granted (`CAPABILITY_IAM`), since units own roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateStack {
    /// The name.
    pub name: String,
    /// The template as JSON.
    pub template: String,
    /// Every parameter.
    pub parameters: BTreeMap<String, String>,
    /// Every tag.
    pub tags: BTreeMap<String, String>,
    /// What updates may do to which resource, as JSON.
    pub stack_policy: Option<String>,
    /// The service role.
    pub service_role_arn: Option<String>,
    /// Makes a repeated call the same operation.
    pub token: String,
}

/// A change set to create for a stack that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateChangeSet {
    /// The stack, by id.
    pub stack: String,
    /// The name of the change set.
    pub name: String,
    /// The template as JSON.
    pub template: String,
    /// Parameters with new values.
    pub parameters: BTreeMap<String, String>,
    /// Parameters that keep the value they have.
    pub previous_parameters: Vec<String>,
    /// Every tag.
    pub tags: BTreeMap<String, String>,
    /// The service role.
    pub service_role_arn: Option<String>,
    /// Makes a repeated call the same operation.
    pub token: String,
}

/// A change set as `DescribeChangeSet` shows it, with all its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    /// The ARN.
    pub id: String,
    /// How far it is made.
    pub status: ChangeSetStatus,
    /// Whether it can be, or was, executed: `AVAILABLE`, `EXECUTE_IN_PROGRESS`, `EXECUTE_COMPLETE`, `OBSOLETE` and others.
    pub execution_status: String,
    /// What it would do.
    pub changes: Vec<ResourceChange>,
}

/// How far a change set is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeSetStatus {
    /// It is being made.
    Creating,
    /// It is there.
    Complete,
    /// It is not to be had since nothing would change.
    Empty,
    /// It could not be made, for this reason.
    Failed(String),
    /// It is being deleted, or is in a state that this version does not know.
    Other(String),
}

/// What a change set would do to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceChange {
    /// `Add`, `Modify`, `Remove`, `Import`, `Dynamic`.
    pub action: String,
    /// The name in the template.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// `True`, `False`, `Conditional`; `None` where nothing is modified.
    pub replacement: Option<String>,
    /// What becomes of the physical resource: `Delete`, `Retain`, `Snapshot` and others.
    pub policy_action: Option<String>,
    /// The properties that would change.
    pub properties: Vec<String>,
}

/// The result of a look for changes by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// It is still being looked for.
    Detecting,
    /// The logical ids of the resources that differ, each with `MODIFIED` or `DELETED`.
    Found(BTreeMap<String, String>),
    /// It could not be found out, for this reason.
    Failed(String),
}

/// `CloudFormation` in one account and region. A mutation that answers [`Error::Unavailable`] may have been carried out.
#[async_trait]
pub trait CloudFormation: Send + Sync {
    /// The stack of this name, or this id; by id also one that is deleted.
    async fn describe(&self, stack: &str) -> Result<Stack, Error>;
    /// Every stack that is not deleted: all pages, or an error. Never some of them.
    async fn describe_all(&self) -> Result<Vec<Stack>, Error>;
    /// Every stack whose status says that something is in progress.
    async fn list_in_progress(&self) -> Result<Vec<StackSummary>, Error>;
    /// The resources of a stack.
    async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, Error>;
    /// The events of a stack, the oldest first; with a `token` those of that operation alone.
    async fn events(&self, stack: &str, token: Option<&str>) -> Result<Vec<StackEvent>, Error>;
    /// The live template as JSON.
    async fn template(&self, stack: &str) -> Result<Value, Error>;
    /// Creates a stack with termination protection and rollback, and returns its id.
    async fn create(&self, request: &CreateStack) -> Result<String, Error>;
    /// Begins to make a change set, and returns its id.
    async fn create_change_set(&self, request: &CreateChangeSet) -> Result<String, Error>;
    /// A change set of a stack, by its name or id.
    async fn describe_change_set(&self, stack: &str, change_set: &str) -> Result<ChangeSet, Error>;
    /// Carries a change set out.
    async fn execute_change_set(&self, stack: &str, change_set: &str, token: &str) -> Result<(), Error>;
    /// Deletes a change set. That there is none is fine.
    async fn delete_change_set(&self, stack: &str, change_set: &str) -> Result<(), Error>;
    /// Begins to delete a stack; `retain` are logical ids that stay, allowed in `DELETE_FAILED` alone.
    async fn delete(&self, stack: &str, retain: &[String], token: &str) -> Result<(), Error>;
    /// Goes on with a rollback that failed.
    async fn continue_rollback(&self, stack: &str, token: &str) -> Result<(), Error>;
    /// Whether the stack refuses to be deleted.
    async fn set_termination_protection(&self, stack: &str, on: bool) -> Result<(), Error>;
    /// What updates may do to which resource, as JSON.
    async fn set_stack_policy(&self, stack: &str, policy: &str) -> Result<(), Error>;
    /// Begins to look for changes by hand, and returns the id of the look.
    async fn detect_drift(&self, stack: &str) -> Result<String, Error>;
    /// What the look found.
    async fn drift(&self, stack: &str, detection: &str) -> Result<Drift, Error>;
}
