//! What a reader asks for of a file: a range, and only if it changed.

use std::time::SystemTime;

use axum::http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use object_store::{GetOptions, GetRange};

/// The options that `headers` ask for.
pub(super) fn options(headers: &HeaderMap, head: bool) -> GetOptions {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let date = |name| text(name).and_then(date);
    GetOptions {
        if_match: text(header::IF_MATCH).map(str::to_owned),
        if_none_match: text(header::IF_NONE_MATCH).map(str::to_owned),
        if_modified_since: date(header::IF_MODIFIED_SINCE).map(Into::into),
        if_unmodified_since: date(header::IF_UNMODIFIED_SINCE).map(Into::into),
        // A range that depends on a validator is answered in whole, which is always right.
        range: text(header::RANGE).filter(|_| !head && !headers.contains_key(header::IF_RANGE)).and_then(range),
        head,
        ..GetOptions::default()
    }
}

/// One range of bytes. Others, and several at once, are answered in whole, as RFC 9110, 14.2 allows.
fn range(value: &str) -> Option<GetRange> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => last.parse().ok().map(GetRange::Suffix),
        (first, "") => first.parse().ok().map(GetRange::Offset),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then(|| GetRange::Bounded(first..last.saturating_add(1)))
        }
    }
}

/// Whether a file of `size` bytes has anything of `range`.
pub(super) fn is_satisfiable(range: &GetRange, size: u64) -> bool {
    match range {
        GetRange::Bounded(range) => range.start < size,
        GetRange::Offset(start) => *start < size,
        GetRange::Suffix(length) => *length > 0 && size > 0,
    }
}

fn date(value: &str) -> Option<SystemTime> {
    let zoned = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(SystemTime::from(zoned))
}

/// A time as headers write it.
pub(super) fn http_date(time: SystemTime) -> Option<String> {
    let time = Timestamp::try_from(time).ok()?;
    Some(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_others_are_answered_in_whole() {
        for (value, wanted) in [
            ("bytes=0-99", Some(GetRange::Bounded(0..100))),
            ("bytes=5-", Some(GetRange::Offset(5))),
            ("bytes=-7", Some(GetRange::Suffix(7))),
            ("bytes=9-3", None),
            ("bytes=0-1,4-5", None),
            ("lines=1-2", None),
            ("bytes=a-b", None),
            ("bytes=-", None),
            ("bytes=0-18446744073709551615", Some(GetRange::Bounded(0..u64::MAX))),
        ] {
            assert_eq!(range(value), wanted, "{value}");
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        let time = date(text).expect("it is a date");
        assert_eq!(http_date(time).as_deref(), Some(text));
        assert_eq!(date("yesterday"), None);
    }
}
