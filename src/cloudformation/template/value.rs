//! Values of a template. Text that a user wrote has no way in: it arrives as a parameter, so that `CloudFormation` never
//! reads it as `${…}` or `{{resolve:…}}`.

use serde_json::{Map, json};

/// A value of a property, an output or a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Value(serde_json::Value);

/// Why text cannot be a literal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It could be read as more than text.
    #[error("failed to take {0:?} as plain text: only letters, digits and . _ : / - are")]
    NotPlain(String),
}

/// Text that was computed and holds nothing that `CloudFormation` or a policy would interpret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    /// Takes letters, digits and `. _ : / -`, and refuses everything else, so `${` and `{{resolve:` among it.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let plain = |character: char| character.is_ascii_alphanumeric() || "._:/-".contains(character);
        if !text.is_empty() && text.chars().all(plain) { Ok(Self(text)) } else { Err(Error::NotPlain(text)) }
    }
}

/// What is known without being a parameter:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Pseudo {
    /// The account of the stack.
    #[strum(serialize = "AWS::AccountId")]
    AccountId,
    /// Takes the property away.
    #[strum(serialize = "AWS::NoValue")]
    NoValue,
    /// Such as `aws`.
    #[strum(serialize = "AWS::Partition")]
    Partition,
    /// The region of the stack.
    #[strum(serialize = "AWS::Region")]
    Region,
    /// The ARN of the stack.
    #[strum(serialize = "AWS::StackId")]
    StackId,
    /// The name of the stack.
    #[strum(serialize = "AWS::StackName")]
    StackName,
}

/// A parameter of this template. Only [`super::TemplateBuilder::parameter`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterHandle(pub(super) String);

/// A resource of this template. Only [`super::TemplateBuilder::resource`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceHandle(pub(super) String);

/// A condition of this template. Only [`super::TemplateBuilder::is_set`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionHandle(pub(super) String);

impl Value {
    /// An object.
    #[must_use]
    pub fn object(entries: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.to_owned(), value.0)).collect::<Map<_, _>>().into())
    }

    /// An object with keys that were computed, such as the condition keys of a trust policy.
    #[must_use]
    pub fn object_of_plain_keys(entries: impl IntoIterator<Item = (Plain, Self)>) -> Self {
        Self(entries.into_iter().map(|(Plain(key), value)| (key, value.0)).collect::<Map<_, _>>().into())
    }

    /// A list.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect::<Vec<_>>().into())
    }

    fn function<const N: usize>(name: &'static str, arguments: [serde_json::Value; N]) -> Self {
        Self(Map::from_iter([(name.to_owned(), arguments.into_iter().collect())]).into())
    }

    /// An attribute of a resource.
    #[must_use]
    pub fn attribute(resource: &ResourceHandle, name: &'static str) -> Self {
        Self::function("Fn::GetAtt", [json!(resource.0), json!(name)])
    }

    /// The parts with `separator` between them.
    #[must_use]
    pub fn join(separator: &'static str, parts: impl IntoIterator<Item = Self>) -> Self {
        Self::function("Fn::Join", [json!(separator), Self::list(parts).0])
    }

    /// One item of a list, the first is 0.
    #[must_use]
    pub fn select(index: usize, list: Self) -> Self {
        Self::function("Fn::Select", [json!(index), list.0])
    }

    /// The parts of a text between the separators.
    #[must_use]
    pub fn split(separator: &'static str, text: Self) -> Self {
        Self::function("Fn::Split", [json!(separator), text.0])
    }

    /// The zones of the stack's region.
    #[must_use]
    pub fn zones() -> Self {
        Self(json!({"Fn::GetAZs": {"Ref": "AWS::Region"}}))
    }

    /// `count` blocks of addresses in `block`, each of 2 to the power of `bits` addresses.
    #[must_use]
    pub fn cidr(block: Self, count: u8, bits: u8) -> Self {
        Self::function("Fn::Cidr", [block.0, json!(count), json!(bits)])
    }

    /// One value or the other.
    #[must_use]
    pub fn either(condition: &ConditionHandle, then: Self, otherwise: Self) -> Self {
        Self::function("Fn::If", [json!(condition.0), then.0, otherwise.0])
    }

    /// A value or, where the condition does not hold, no property at all.
    #[must_use]
    pub fn only_if(condition: &ConditionHandle, then: Self) -> Self {
        Self::either(condition, then, Pseudo::NoValue.into())
    }

    /// Text of ours in which `${Name}` stands for the variable of that name. The values of variables are not read again,
    /// so that what a parameter holds stays text.
    #[must_use]
    pub fn substitute(text: &'static str, variables: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::function("Fn::Sub", [json!(text), Self::object(variables).0])
    }

    /// The secret text of a Secrets Manager secret, which `CloudFormation` reads when it makes the resource and shows
    /// nowhere: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html>.
    #[must_use]
    pub fn secret(secret: &ResourceHandle) -> Self {
        Self::join("", [Self::from("{{resolve:secretsmanager:"), Self::from(secret), Self::from(":SecretString}}")])
    }

    /// One field of a secret that holds JSON. See [`Value::secret`].
    #[must_use]
    pub fn secret_field(secret: &ResourceHandle, field: &'static str) -> Self {
        let head = [Self::from("{{resolve:secretsmanager:"), Self::from(secret), Self::from(":SecretString:")];
        Self::join("", head.into_iter().chain([Self::from(field), Self::from("}}")]))
    }

    /// The JSON that `CloudFormation` reads.
    #[must_use]
    pub fn into_json(self) -> serde_json::Value {
        self.0
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl From<Plain> for Value {
    fn from(Plain(text): Plain) -> Self {
        Self(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self(value.into())
    }
}

impl From<&ParameterHandle> for Value {
    fn from(ParameterHandle(name): &ParameterHandle) -> Self {
        Self(json!({"Ref": name}))
    }
}

impl From<&ResourceHandle> for Value {
    fn from(ResourceHandle(name): &ResourceHandle) -> Self {
        Self(json!({"Ref": name}))
    }
}

impl From<Pseudo> for Value {
    fn from(pseudo: Pseudo) -> Self {
        let name: &'static str = pseudo.into();
        Self(json!({"Ref": name}))
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::list(items.into_iter().map(Into::into))
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::list(items)
    }
}

/// An object with keys of ours and anything that is a [`Value`].
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {
        $crate::cloudformation::template::Value::object([
            $(($key, $crate::cloudformation::template::Value::from($value))),*
        ])
    };
}
pub(crate) use object;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_be_interpreted_is_refused() {
        for text in ["${AWS::AccountId}", "{{resolve:secretsmanager:x}}", "", "*", "a b", "a\"b", "a,b", "a=b", "ü"] {
            assert_eq!(Plain::new(text), Err(Error::NotPlain(text.into())));
        }
    }

    #[test]
    fn an_issuer_is_plain() {
        let issuer = "oidc.eks.ap-northeast-1.amazonaws.com/id/0123_ABC:aud";
        let value = Plain::new(issuer).map(|it| Value::from(it).into_json());
        assert_eq!(value, Ok(json!(issuer)));
    }

    #[test]
    fn a_secret_is_read_by_cloudformation_and_not_by_us() {
        let secret = ResourceHandle("Secret".into());
        assert_eq!(
            Value::secret_field(&secret, "password").into_json(),
            json!({"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Secret"}, ":SecretString:", "password", "}}"]]})
        );
    }
}
