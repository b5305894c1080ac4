//! Files that other containers read while they are replaced.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Read by the pod's user and group, written by nobody: a new value is a new file.
const FILE_MODE: u32 = 0o440;
/// The pod's user and group.
const FOLDER_MODE: u32 = 0o750;

/// Makes the file hold `content`. A reader sees the old content or the new one, never a part. Answers whether it differs
/// from what was there; an equal file stays as it is, so that its time of change means a change.
pub(super) fn replace(path: &Path, content: &str) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|present| present == content.as_bytes()) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    }
    let unfinished = path.with_extension("new");
    // Left by a gateway that was killed; the file of another mode must not be written into.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&unfinished)?.write_all(content.as_bytes())?;
    fs::rename(&unfinished, path)?;
    Ok(true)
}

/// A folder of one test; it is gone when the test is.
#[cfg(test)]
pub(super) mod for_tests {
    use std::path::{Path, PathBuf};

    /// See the module.
    pub(in crate::gateway) struct Folder(PathBuf);

    impl Folder {
        pub(in crate::gateway) fn new() -> Self {
            let path = std::env::temp_dir().join(format!("tairyo-gateway-{:016x}", rand::random::<u64>()));
            std::fs::create_dir(&path).expect("the temporary folder can be written");
            Self(path)
        }

        pub(in crate::gateway) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            if let Err(error) = std::fs::remove_dir_all(&self.0) {
                assert!(std::thread::panicking(), "{error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::for_tests::Folder;
    use super::*;

    #[test]
    fn a_new_value_is_a_new_file_that_nobody_writes_to() {
        let folder = Folder::new();
        let path = folder.path().join("credentials/database/password");
        assert!(replace(&path, "one").expect("written"));
        let first = fs::metadata(&path).expect("there");
        assert_eq!(first.permissions().mode() & 0o777, 0o440);
        assert!(replace(&path, "two").expect("written"));
        assert_ne!(fs::metadata(&path).expect("there").ino(), first.ino());
        assert_eq!(fs::read_to_string(&path).expect("read"), "two");
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("listed").count(), 1);
    }

    #[test]
    fn an_equal_value_leaves_the_file_alone() {
        let folder = Folder::new();
        let path = folder.path().join("origin.map");
        assert!(replace(&path, "one").expect("written"));
        let first = fs::metadata(&path).expect("there").ino();
        assert!(!replace(&path, "one").expect("looked at"));
        assert_eq!(fs::metadata(&path).expect("there").ino(), first);
    }

    #[test]
    fn what_a_killed_gateway_left_is_in_nobodys_way() {
        let folder = Folder::new();
        let path = folder.path().join("password");
        fs::write(folder.path().join("password.new"), "half").expect("written");
        assert!(replace(&path, "whole").expect("written"));
        assert_eq!(fs::read_to_string(&path).expect("read"), "whole");
    }
}
