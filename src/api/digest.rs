//! Digests that stand in annotations, names and outputs. What has a new one there is taken for changed, so the way they
//! are made never changes.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The first 16 hexadecimal digits of the SHA-256 of `value` in canonical form (`serde_json` sorts keys).
#[must_use]
pub fn digest(value: &Value) -> String {
    digest_of_texts(&[&value.to_string()])
}

/// The first 16 hexadecimal digits of the SHA-256 of `texts`, one after the other.
#[must_use]
pub fn digest_of_texts(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    format!("{:016x}", u64::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_digest_is_the_beginning_of_the_sha_256_of_the_sorted_json() {
        // printf '{"a":1,"b":2}' | sha256sum
        assert_eq!(digest(&json!({"b": 2, "a": 1})), "43258cff783fe703");
        assert_eq!(digest_of_texts(&["{\"a\":1,", "\"b\":2}"]), "43258cff783fe703");
    }
}
