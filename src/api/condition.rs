//! Condition types and reasons of a site, as closed sets.

use serde::{Deserialize, Serialize};

/// The type of a condition in `status.conditions`.
///
/// `Ready`, `Reconciling` and `Stalled` follow kstatus, so that `kubectl wait`, Helm, Flux and Argo CD read a site
/// without knowing it: <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
)]
pub enum ConditionType {
    /// The site is served as its spec says.
    Ready,
    /// Work is going on; nobody needs to act.
    Reconciling,
    /// A person must act; the message says how.
    Stalled,
    /// The spec is admitted by its class and makes sense as a whole.
    SpecValid,
    /// The network of the site's managed parts is there.
    NetworkReady,
    /// The role of the site's pods is there.
    IdentityReady,
    /// The database accepts connections.
    DatabaseReady,
    /// The store of uploads can be mounted.
    MediaReady,
    /// The search domain answers.
    SearchReady,
    /// The certificate of the site's domains is issued.
    CertificateReady,
    /// The distribution serves the site's domains.
    #[strum(serialize = "CDNReady")]
    CdnReady,
    /// Nobody has changed the managed parts by hand, as far as it was looked for.
    DriftFree,
    /// WordPress is installed and its schema is that of the image.
    Installed,
    /// The web pods of the wanted version are available.
    WorkloadReady,
    /// The canonical address was fetched through the Service and answered with a page.
    Published,
}

/// The reason of a condition. `docs/reasons.md` has one entry for each, checked by a test.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    Serialize,
    Deserialize,
)]
pub enum Reason {
    /// Everything that was asked for is there.
    Ready,
    /// Nothing is left to do.
    Settled,
    /// Nobody needs to act.
    Progressing,
    /// The spec and its class agree.
    Valid,
    /// This part has not been looked at, since an earlier one is not ready.
    Waiting,
    /// `spec.suspend` or the annotation tairyo.dev/suspend is true: nothing is changed.
    Suspended,
    /// The site is being deleted.
    Deleting,

    /// `spec.className` names a class that does not exist.
    ClassNotFound,
    /// The site names no class and no class is the default one.
    DefaultClassMissing,
    /// The site names no class and several classes are the default one.
    DefaultClassAmbiguous,
    /// The class does not admit the site's namespace.
    NamespaceNotAllowed,
    /// The class does not admit one of the domains.
    DomainNotAllowed,
    /// Another site has one of the domains.
    DomainTaken,
    /// Fields that are fine one by one do not fit together, or do not fit the class.
    SpecInvalid,
    /// More than the class' limits allow.
    LimitExceeded,
    /// A Secret that the spec refers to does not exist.
    SecretNotFound,
    /// A Secret that the spec refers to lacks a key.
    SecretKeyMissing,
    /// Several web replicas on a volume that one node alone can mount.
    VolumeNotShareable,
    /// A retained volume of a deleted site has the name of one of ours.
    VolumeOfAnotherSite,
    /// An object that we do not own has the name of one of ours.
    NameConflict,

    /// A pod cannot be scheduled.
    Unschedulable,
    /// An image cannot be pulled.
    ImagePullFailed,
    /// A container cannot be configured or started.
    ContainerFailed,
    /// A container starts and ends again and again.
    CrashLooping,
    /// Pods cannot be created, for instance by a quota or an admission rule.
    PodsRefused,
    /// A volume claim is not bound.
    VolumeNotBound,
    /// Pods are starting.
    Starting,
    /// New pods replace old ones.
    RollingOut,
    /// The Job that installs WordPress is running.
    Installing,
    /// The Job that brings the schema to the image's version is running.
    UpgradingSchema,
    /// The database cannot be reached.
    DatabaseUnreachable,
    /// The database refuses the login.
    DatabaseAccessDenied,
    /// The database server has no database of the wanted name.
    DatabaseMissing,
    /// The tasks in the pod refuse the configuration.
    ConfigurationInvalid,
    /// The installation failed.
    InstallFailed,
    /// The schema upgrade failed.
    UpgradeFailed,
    /// The page does not answer as it should.
    PageUnavailable,
    /// The API server refuses one of the objects.
    ApplyFailed,
    /// Passes over the site fail one after the other; they go on being tried.
    ReconcileFailed,

    /// A managed part is being created.
    Creating,
    /// A managed part is being changed.
    Updating,
    /// A managed part is being brought back to what it was before a change that failed.
    RollingBack,
    /// A managed part could not be created.
    CreateFailed,
    /// A change of a managed part failed; what was there before is there again.
    UpdateFailed,
    /// A change of a managed part failed, and so did the way back.
    RollbackFailed,
    /// A managed part could not be deleted.
    DeleteFailed,
    /// A change waits for a person's approval.
    ApprovalRequired,
    /// A stack that was there is gone, and nobody of ours deleted it.
    StackDisappeared,
    /// A stack that is not this site's has the name of one of its.
    NotOwned,
    /// CloudFormation reports a status that this version does not know.
    UnknownStackStatus,
    /// `spec.adopt` names a site of which nothing is left.
    AdoptedDataNotFound,
    /// AWS refuses a call for want of rights.
    AwsAccessDenied,
    /// The operator has no AWS credentials, or they have expired.
    AwsCredentialsUnavailable,
    /// The role of the class cannot be assumed.
    AwsRoleNotAssumable,
    /// AWS does not answer, or answers that it cannot now.
    AwsUnavailable,
    /// A quota of the AWS account is used up.
    AwsQuotaExceeded,
    /// AWS refuses a request as wrong.
    AwsRequestInvalid,
    /// The certificate waits for DNS records that prove the domains.
    WaitingForValidation,
    /// The certificate has waited too long for those records.
    CertificateNotValidated,
    /// The distribution waits for the host name of the way into the cluster.
    WaitingForOrigin,
    /// The search domain is working on a change.
    DomainProcessing,
    /// Somebody changed managed parts by hand.
    Drifted,
}

impl Reason {
    /// Whether waiting does not help: a person must act.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        use Reason::{
            AdoptedDataNotFound, ApplyFailed, ApprovalRequired, AwsAccessDenied, AwsQuotaExceeded, AwsRequestInvalid,
            AwsRoleNotAssumable, CertificateNotValidated, ConfigurationInvalid, ContainerFailed, CrashLooping,
            CreateFailed, DatabaseAccessDenied, DatabaseMissing, DeleteFailed, ImagePullFailed, InstallFailed,
            NameConflict, NotOwned, PodsRefused, RollbackFailed, StackDisappeared, UpdateFailed, UpgradeFailed,
            VolumeOfAnotherSite,
        };
        matches!(
            self,
            ImagePullFailed
                | ContainerFailed
                | CrashLooping
                | PodsRefused
                | DatabaseAccessDenied
                | DatabaseMissing
                | ConfigurationInvalid
                | InstallFailed
                | UpgradeFailed
                | NameConflict
                | VolumeOfAnotherSite
                | ApplyFailed
                | CreateFailed
                | UpdateFailed
                | RollbackFailed
                | DeleteFailed
                | ApprovalRequired
                | StackDisappeared
                | NotOwned
                | AdoptedDataNotFound
                | AwsAccessDenied
                | AwsRoleNotAssumable
                | AwsQuotaExceeded
                | AwsRequestInvalid
                | CertificateNotValidated
        )
    }
}
