//! Names, labels and annotations: what other programs and people select our objects by.

/// The API group of both kinds.
pub const GROUP: &str = "tairyo.dev";
/// The one served version.
pub const VERSION: &str = "v1alpha1";
/// The field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "tairyo";
/// Held by a site until its deletion policy has been carried out.
pub const FINALIZER: &str = "tairyo.dev/site";

/// Marks the class that serves sites without `className`, by the value `"true"`.
pub const DEFAULT_CLASS_ANNOTATION: &str = "tairyo.dev/is-default-class";
/// On a site: the token of the plan that a person allows.
pub const APPROVE_ANNOTATION: &str = "tairyo.dev/approve";
/// On a site: `"true"` holds it still, as `spec.suspend` does, without a change of the spec that a sync would take back.
pub const SUSPEND_ANNOTATION: &str = "tairyo.dev/suspend";
/// On a site: asks for a look at everything now. See `site::actions` for this and the three that follow.
pub const RECONCILE_ANNOTATION: &str = "tairyo.dev/reconcile-requested-at";
/// On a site: asks for new web pods, one by one.
pub const RESTART_ANNOTATION: &str = "tairyo.dev/restart-requested-at";
/// On a site: asks for empty page caches.
pub const CLEAR_CACHE_ANNOTATION: &str = "tairyo.dev/clear-cache-requested-at";
/// On a site: asks for another try of what has failed.
pub const RETRY_ANNOTATION: &str = "tairyo.dev/retry-requested-at";
/// On each object that we apply: the digest of what was applied. See `site::apply`.
pub const DIGEST_ANNOTATION: &str = "tairyo.dev/applied-digest";

/// On every object of a site: the name of the site.
pub const SITE_LABEL: &str = "tairyo.dev/site";
/// On every object of a site: the uid of the site, so that a re-created site is told from its predecessor.
pub const SITE_UID_LABEL: &str = "tairyo.dev/site-uid";
/// The part of the site that an object belongs to: [`Component`].
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";
/// The standard label that names the program which manages an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "tairyo";

/// A part of a site, the value of [`COMPONENT_LABEL`] and the last token of each object's name.
///
/// A suffix of one token without a hyphen keeps the names of two sites apart: the objects of `a-web` are
/// `a-web-web`, never those of the site `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Component {
    /// The pods that serve pages.
    Web,
    /// The in-cluster database.
    Database,
    /// The uploads volume.
    Uploads,
    /// The configuration that pods read.
    Config,
    /// WordPress' authentication keys and salts.
    Salts,
    /// The first administrator's password.
    Admin,
    /// The Job that installs WordPress.
    Install,
    /// The Job that brings the database schema to the image's version.
    Schema,
    /// The `CronJob` that runs WordPress' scheduled events.
    Cron,
}

/// The name of the object of `site` that is its `component`.
#[must_use]
pub fn object_name(site: &str, component: Component) -> String {
    format!("{site}-{component}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_end_in_the_component() {
        assert_eq!(object_name("blog", Component::Web), "blog-web");
        assert_eq!(object_name("blog", Component::Database), "blog-database");
    }
}
