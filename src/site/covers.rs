//! Whether what is applied already says what we want: the comparison that keeps an unchanged site free of writes.

use serde_json::Value;

use super::quantity;

/// Whether every field that `desired` sets has that value in `live`.
///
/// `live` may have more: defaults, fields of other managers, status. Lists are compared item by item and must have the
/// same length; a list of named items may stand in another order. Quantities are compared as numbers, since the API
/// server may write `1000m` as `1`.
#[must_use]
pub fn covers(live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => desired.iter().all(|(key, wanted)| match live.get(key) {
            Some(found) => covers(found, wanted),
            None => is_empty(wanted),
        }),
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len()
                && desired.iter().zip(live).all(|(wanted, at_same_place)| {
                    covers(at_same_place, wanted)
                        || named(wanted).is_some_and(|name| {
                            live.iter().any(|found| named(found) == Some(name) && covers(found, wanted))
                        })
                })
        }
        (Value::String(live), Value::String(desired)) => {
            live == desired || matches!((quantity::milli(live), quantity::milli(desired)), (Some(a), Some(b)) if a == b)
        }
        _ => live == desired,
    }
}

/// The API server drops empty maps and lists, so a missing field is as good.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn named(value: &Value) -> Option<&str> {
    value.get("name").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_of_the_api_server_are_covered() {
        let live = json!({"spec": {"replicas": 1, "ports": [{"port": 80, "protocol": "TCP"}]}, "status": {}});
        assert!(covers(&live, &json!({"spec": {"ports": [{"port": 80}], "empty": {}}})));
    }

    #[test]
    fn an_edited_field_is_not_covered() {
        assert!(!covers(&json!({"spec": {"replicas": 5}}), &json!({"spec": {"replicas": 1}})));
    }

    #[test]
    fn an_added_or_removed_list_item_is_not_covered() {
        let desired = json!({"containers": [{"name": "php"}]});
        assert!(!covers(&json!({"containers": [{"name": "php"}, {"name": "miner"}]}), &desired));
        assert!(!covers(&json!({"containers": []}), &desired));
    }

    #[test]
    fn a_removed_field_is_not_covered() {
        assert!(!covers(&json!({"spec": {}}), &json!({"spec": {"paused": true}})));
    }

    #[test]
    fn equal_quantities_in_other_words_are_covered() {
        assert!(covers(&json!({"cpu": "1", "memory": "1Gi"}), &json!({"cpu": "1000m", "memory": "1024Mi"})));
        assert!(!covers(&json!({"cpu": "2"}), &json!({"cpu": "1000m"})));
    }

    #[test]
    fn named_items_in_another_order_are_covered() {
        let live = json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]);
        assert!(covers(&live, &json!([{"name": "b", "value": "2"}, {"name": "a", "value": "1"}])));
    }
}
