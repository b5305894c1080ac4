//! Which paths are files of the uploads, and their keys in the bucket.

use object_store::path::Path;

/// The longest key of S3, in bytes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
const LONGEST_KEY: usize = 1024;

/// Why a path is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "failed to take the path: allowed are names of any script, separated by single slashes, without control characters \
     and backslashes, none of them . or .., 1024 bytes at most with the bucket's prefix"
)]
pub(super) struct Refused;

/// The key of the file `path` below `prefix`, which ends with a slash. No path leads out of it.
pub(super) fn key(prefix: &str, path: &str) -> Result<Path, Refused> {
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..") && !name.chars().any(|character| character.is_control() || character == '\\')
    };
    if prefix.len() + path.len() > LONGEST_KEY || !path.split('/').all(is_name) {
        return Err(Refused);
    }
    Path::parse(format!("{prefix}{path}")).map_err(|_| Refused)
}

/// The folder of a listing, and what the names in it begin with.
pub(super) fn folder_and_start<'a>(prefix: &str, wanted: &'a str) -> Result<(Path, &'a str), Refused> {
    let (folder, start) = wanted.rsplit_once('/').map_or((None, wanted), |(folder, start)| (Some(folder), start));
    // The name's rules hold for its start as well, but that it may be empty.
    if !start.is_empty() {
        key(prefix, wanted)?;
    }
    let folder = folder.map_or_else(|| root(prefix), |folder| key(prefix, folder))?;
    Ok((folder, start))
}

fn root(prefix: &str) -> Result<Path, Refused> {
    Path::parse(prefix.trim_end_matches('/')).map_err(|_| Refused)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PREFIX: &str = "wp-content/uploads/";

    #[test]
    fn files_of_any_script_have_keys() {
        for path in ["2026/11/photo.jpg", "京都の紅葉.png", "a b+c%41#?&'\"*~[].webp", "...", ".hidden", "Ünï/🍣.jpg"]
        {
            assert_eq!(key(PREFIX, path).expect(path).as_ref(), format!("{PREFIX}{path}"));
        }
    }

    #[test]
    fn no_path_leads_out_or_is_ambiguous() {
        for path in
            ["", "/a", "a/", "a//b", ".", "..", "a/../b", "../x", "a/./b", "a\0b", "a\nb", "a\u{85}b", "a\\..\\b"]
        {
            assert_eq!(key(PREFIX, path), Err(Refused), "{path:?}");
        }
        key(PREFIX, &"x".repeat(LONGEST_KEY - PREFIX.len())).expect("just short enough");
        assert_eq!(key(PREFIX, &"x".repeat(LONGEST_KEY - PREFIX.len() + 1)), Err(Refused));
    }

    #[test]
    fn listings_are_of_a_folder_and_the_start_of_names() {
        for (wanted, folder, start) in [
            ("", "wp-content/uploads", ""),
            ("pho", "wp-content/uploads", "pho"),
            ("2026/11/", "wp-content/uploads/2026/11", ""),
            ("2026/11/pho", "wp-content/uploads/2026/11", "pho"),
        ] {
            let (found, begins) = folder_and_start(PREFIX, wanted).expect(wanted);
            assert_eq!((found.as_ref(), begins), (folder, start));
        }
        for wanted in ["../", "a/..", "..", "/", "a//", "a/\0"] {
            assert_eq!(folder_and_start(PREFIX, wanted), Err(Refused), "{wanted:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_stays_below_the_prefix(path in "\\PC{0,20}|[./a]{0,8}") {
            if let Ok(key) = key(PREFIX, &path) {
                prop_assert!(key.as_ref().starts_with(PREFIX));
                prop_assert!(key.as_ref().split('/').all(|name| !matches!(name, "" | "." | "..")));
            }
        }
    }
}
