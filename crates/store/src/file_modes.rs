//! Files and folders that only the user whom the server runs as can read, whatever the process's umask is and whoever
//! made the folder.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
/// The permission bits that nobody except the owner should have.
const OTHERS: u32 = 0o077;

/// The names that are directly in a data directory, or come to be there. Whatever else is there is not the server's.
const CONTENTS: [&str; 6] = ["im2.db", "im2.db-wal", "im2.db-shm", "im2.lock", "im2.sock", "media"];

/// Makes a folder, and those above it that are missing.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// The options for opening files; those that are made are private.
pub(crate) fn file() -> OpenOptions {
    let mut options = File::options();
    options.mode(FILE);
    options
}

/// Takes from others what they may do with a data directory and what is in it. What this user may not change stays as
/// it is: `im2 doctor` tells.
pub(crate) fn tighten(directory: &Path) -> io::Result<()> {
    for path in exposed(directory)? {
        let mode = if path.is_dir() { FOLDER } else { FILE };
        match std::fs::set_permissions(&path, Permissions::from_mode(mode)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(path = %path.display(), "others have access to this, and it belongs to somebody else");
            }
            outcome => outcome?,
        }
    }
    Ok(())
}

/// The data directory and what is directly in it, as far as others than its owner have access. Deeper down it is enough
/// that the folders above are closed.
pub(crate) fn exposed(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let all = std::iter::once(directory.to_owned()).chain(CONTENTS.iter().map(|name| directory.join(name)));
    let mut exposed = Vec::new();
    for path in all {
        match path.metadata() {
            Ok(metadata) if metadata.permissions().mode() & OTHERS != 0 => exposed.push(path),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(exposed)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::PermissionsExt as _,
        path::{Path, PathBuf},
    };

    use super::exposed;
    use crate::{Options, Store, blobs::Blobs};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn everything_in(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| {
                let below = if path.is_dir() { everything_in(&path) } else { Vec::new() };
                std::iter::once(path).chain(below)
            })
            .collect()
    }

    #[tokio::test]
    async fn an_open_folder_and_what_is_in_it_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("data");
        std::fs::create_dir(&directory).unwrap();
        std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        for round in ["made there", "found there"] {
            let store = Store::<()>::open(&Options::new(&directory)).unwrap();
            store.write(|tx| tx.set_server_value("name", b"value")).await.unwrap();
            let blobs = Blobs::new(directory.join("media"));
            let mut incoming = blobs.begin().await.unwrap();
            incoming.write(&vec![7; 3 << 20]).await.unwrap();
            let under_way = everything_in(&directory);
            assert!(under_way.iter().any(|path| path.ends_with("im2.db-wal")), "{under_way:?}");
            for path in &under_way {
                assert_eq!(mode(path), if path.is_dir() { 0o700 } else { 0o600 }, "{round}: {}", path.display());
            }
            assert_eq!(mode(&directory), 0o700);
            assert_eq!(exposed(&directory).unwrap(), Vec::<PathBuf>::new());
            drop((incoming, blobs, store));
            for path in [directory.clone(), directory.join("im2.db"), directory.join("media")] {
                std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            }
            assert_eq!(exposed(&directory).unwrap().len(), 3);
        }
    }
}
