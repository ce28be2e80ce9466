//! The web client inside the binary: compressed into release builds, read from its folder by development builds.

use im2_edge::web::{File, Web};

include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// The web client, as far as it has been built.
pub(crate) fn client() -> Web {
    if FILES.is_empty() && cfg!(debug_assertions) { development::load() } else { Web::embedded(FILES) }
}

/// Development builds do not embed, so that building the web client does not mean building the server again.
mod development {
    use super::{DIST, Web};
    use std::{io, path::Path};

    pub(super) fn load() -> Web {
        let mut files = Vec::new();
        match read(Path::new(DIST), "", &mut files) {
            Ok(()) => Web::loaded(files),
            Err(error) => {
                tracing::debug!(%error, folder = DIST, "no web client");
                Web::default()
            }
        }
    }

    fn read(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
        for entry in folder.read_dir()? {
            let entry = entry?;
            let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                read(&entry.path(), &path, files)?;
            } else {
                files.push((path, std::fs::read(entry.path())?));
            }
        }
        Ok(())
    }
}
