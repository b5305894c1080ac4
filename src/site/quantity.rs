//! Kubernetes quantities as numbers, as far as sizes and amounts need it.

/// A quantity such as `10Gi`, `500m` or `1.5` in thousandths of its unit, rounded up, or `None` where it does not parse.
///
/// The grammar is that of <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>, without
/// the exponent form with a capital `E` followed by digits being mistaken for exa.
#[must_use]
pub fn milli(quantity: &str) -> Option<i128> {
    let split =
        quantity.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at(split);
    let factor: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "Ki" => 1_024_000,
        "M" => 1_000_000_000,
        "Mi" => 1_024 * 1_024_000,
        "G" => 1_000_000_000_000,
        "Gi" => 1_024 * 1_024 * 1_024_000,
        "T" => 1_000_000_000_000_000,
        "Ti" => 1_024_i128.pow(4) * 1_000,
        "P" => 1_000_i128.pow(5) * 1_000,
        "Pi" => 1_024_i128.pow(5) * 1_000,
        "E" => 1_000_i128.pow(6) * 1_000,
        "Ei" => 1_024_i128.pow(6) * 1_000,
        exponent => {
            let digits = exponent.strip_prefix(['e', 'E'])?;
            let power: u32 = digits.parse().ok()?;
            10_i128.checked_pow(power)?.checked_mul(1_000)?
        }
    };
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 18 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let value = digits.checked_mul(factor)?;
    let rounded_up = (value + scale - 1) / scale;
    Some(if negative { -rounded_up } else { rounded_up })
}

/// A quantity in whole units (bytes for sizes), rounded up.
#[must_use]
pub fn units(quantity: &str) -> Option<i64> {
    i64::try_from(milli(quantity)?.checked_add(999)?.div_euclid(1_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("1", Some(1)),
            ("1500m", Some(2)),
            ("10Gi", Some(10 * 1024 * 1024 * 1024)),
            ("1.5Gi", Some(1_610_612_736)),
            ("64M", Some(64_000_000)),
            ("1e3", Some(1_000)),
            ("2E", Some(2_000_000_000_000_000_000)),
            ("-1Ki", Some(-1024)),
            ("", None),
            (".", None),
            ("10 Gi", None),
            ("10gb", None),
            ("999999999999999999999E", None),
        ] {
            assert_eq!(units(text), expected, "{text:?}");
        }
    }
}
