//! What becomes of each parameter of JIN-KEI.

use serde_json::{Value, json};

/// A parameter of JIN-KEI.
pub struct Parameter {
    /// Its names; the templates misspell some, and the CDK has others.
    pub names: &'static [&'static str],
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a parameter.
pub enum Fate {
    /// It is a field of the site.
    Field {
        /// The field.
        path: &'static str,
        /// The value of the field; `None` where the parameter says nothing.
        convert: fn(&str) -> Option<Value>,
        /// The value of the parameter again.
        back: fn(&Value) -> String,
        /// What is otherwise than before.
        note: &'static str,
    },
    /// It is not needed, for this reason.
    Nothing(&'static str),
}

const fn field(
    names: &'static [&'static str],
    path: &'static str,
    convert: fn(&str) -> Option<Value>,
    back: fn(&Value) -> String,
    note: &'static str,
) -> Parameter {
    Parameter { names, fate: Fate::Field { path, convert, back, note } }
}

const fn nothing(names: &'static [&'static str], why: &'static str) -> Parameter {
    Parameter { names, fate: Fate::Nothing(why) }
}

/// Every parameter.
pub const PARAMETERS: &[Parameter] = &[
    nothing(&["KeyName", "SSHLocation"], "there is no SSH; `tairyo logs` and `kubectl exec` show what runs"),
    nothing(
        &["AvailabilityZone", "SecondaryAvailabilityZone"],
        "zones are those of the class' network; pods are spread over them",
    ),
    nothing(
        &["InstanceType"],
        "a pod has no instance type; set spec.web.resources where the default (a limit of 512Mi) is too small",
    ),
    nothing(&["MySQLPassword"], "is made and rotated by the database; nobody has to know it"),
    field(
        &["MulitiAZDatabase", "MultiAZDatabase"],
        "spec.database.instances",
        multi_az,
        |value| (value.as_i64() > Some(1)).to_string(),
        "two instances survive the loss of a zone; for a class with Aurora",
    ),
    field(
        &["RDSInstanceType"],
        "spec.database.instanceClass",
        instance_class,
        plain,
        "for a class with Aurora; without it the database scales by itself",
    ),
    nothing(&["DBAllocatedStorage"], "the storage of Aurora grows by itself; in the cluster set spec.database.storage"),
    field(&["WebSiteDomain", "SiteDomain"], "spec.domains[0]", text, plain, "the first domain is the canonical one"),
    field(&["WPUserName"], "spec.admin.username", text, plain, "used at the installation"),
    field(&["WPUserEmail"], "spec.admin.email", text, plain, "used at the installation"),
    nothing(&["WPPassword"], "is never copied; it is made at random, or name a Secret in spec.admin.passwordSecretRef"),
    nothing(&["WPCoreVersion"], "the version is that of the image; set spec.wordpress.image to choose one"),
    nothing(&["WPIsMultiSite"], "multisite is not supported; each site is a WordPressSite of its own"),
    nothing(&["IsMobileDetect"], "the page cache has one variant; themes of today adapt by themselves"),
    nothing(&["PHPmyAdmin"], "is not installed; use `kubectl port-forward` and a client of your own"),
    field(
        &["NginxClientMaxBodySite", "NginxClientMaxBodySize"],
        "spec.web.php.uploadMaxSize",
        mebibytes,
        megabytes,
        "the unit is Mi, which is what nginx and PHP mean by M",
    ),
    field(
        &["PHPMemoryLimit"],
        "spec.web.php.memoryLimit",
        mebibytes,
        megabytes,
        "the unit is Mi, which is what PHP means by M",
    ),
    field(&["AutoScalingMax"], "spec.web.autoscaling.max", number, plain, "pods instead of machines"),
    field(&["AutoScalingMin"], "spec.web.autoscaling.min", number, plain, "pods instead of machines"),
    field(
        &["AutoScalingDesired"],
        "spec.web.replicas",
        number,
        plain,
        "pods instead of machines; left out where an autoscaler owns the number",
    ),
    nothing(&["LogRetentionInDays"], "logs are those of the cluster, which keeps them as long as it is set up to"),
    field(
        &["CDNPriceClass"],
        "spec.cdn.priceClass",
        price_class,
        |value| format!("PriceClass_{}", plain(value)),
        "for a class with CloudFront",
    ),
    nothing(&["CDNCookieWhiteLists"], "which cookies matter is known for WordPress; nothing has to be listed"),
    nothing(&["CDNCertificationARN"], "the certificate is issued and renewed by itself"),
];

fn text(value: &str) -> Option<Value> {
    (!value.is_empty()).then(|| json!(value))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &str) -> Option<Value> {
    value.parse::<u32>().ok().map(Value::from)
}

fn multi_az(value: &str) -> Option<Value> {
    value.eq_ignore_ascii_case("true").then(|| json!(2))
}

/// Aurora has none of the classes of 2015: <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.html>.
fn instance_class(value: &str) -> Option<Value> {
    let family = value.strip_prefix("db.")?.split('.').next()?;
    let known = ["r5", "r6g", "r6i", "r7g", "r7i", "r8g", "t3", "t4g", "x2g"];
    known.contains(&family).then(|| json!(value))
}

/// `32M` and `1G` of nginx and PHP as quantities.
fn mebibytes(value: &str) -> Option<Value> {
    let (digits, unit) =
        value.split_at(value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len()));
    let number: u64 = digits.parse().ok()?;
    match unit.to_uppercase().as_str() {
        "M" | "MB" => Some(json!(format!("{number}Mi"))),
        "G" | "GB" => Some(json!(format!("{number}Gi"))),
        "K" => Some(json!(format!("{number}Ki"))),
        _ => None,
    }
}

fn megabytes(value: &Value) -> String {
    plain(value).trim_end_matches('i').to_owned()
}

fn price_class(value: &str) -> Option<Value> {
    let known = value.strip_prefix("PriceClass_").filter(|class| ["All", "200", "100"].contains(class));
    known.map(|class| json!(class))
}
