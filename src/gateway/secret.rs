//! Values that nobody may see.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text: it cannot be formatted, so that no log line and no error can hold it, and its memory is cleared.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes `value` in.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one place that writes it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
