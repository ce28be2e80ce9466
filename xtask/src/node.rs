//! npm in a folder: packages installed when the lock file says otherwise, builds skipped when they are newer than
//! their sources.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::process;
use crate::project::Project;

/// The file in which npm leaves its record of what it installed.
const INSTALLED: &str = "node_modules/.package-lock.json";

/// The sources of the web client's bundle, relative to `web/`.
const WEB_SOURCES: [&str; 7] =
    ["src", "build", "public", "index.html", "package-lock.json", "vite.config.ts", "tsconfig.json"];

/// `npm ci`, unless what is installed is newer than the lock file.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let lock = newest(&folder.join("package-lock.json"))?.context("there is no package-lock.json")?;
    if newest(&folder.join(INSTALLED))?.is_some_and(|installed| installed >= lock) {
        return Ok(());
    }
    let mut command = npm(folder);
    command.args(["ci", "--no-fund", "--no-audit"]);
    process::run(command).with_context(|| format!("installing the packages of {}", folder.display()))
}

/// Makes `web/dist`, unless it is newer than everything it is made from.
pub(crate) fn build_web(project: &Project) -> Result<()> {
    let web = project.web();
    install(&web)?;
    let mut sources = None;
    for source in WEB_SOURCES {
        sources = sources.max(newest(&web.join(source))?);
    }
    let built = newest(&web.join("dist/index.html"))?;
    if built.is_some() && built >= sources {
        println!("web client: up to date");
        return Ok(());
    }
    run_script(&web, "build", &[])
}

/// `npm run SCRIPT -- ARGUMENTS`.
pub(crate) fn run_script(folder: &Path, script: &str, arguments: &[String]) -> Result<()> {
    process::run(script_command(folder, script, arguments))
}

/// The command behind [`run_script`], for those who add to its environment.
pub(crate) fn script_command(folder: &Path, script: &str, arguments: &[String]) -> Command {
    let mut command = npm(folder);
    command.args(["run", script]);
    if !arguments.is_empty() {
        command.arg("--").args(arguments);
    }
    command
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}

/// The newest change under a path, or `None` if nothing is there.
fn newest(path: &Path) -> Result<Option<SystemTime>> {
    let Ok(metadata) = path.metadata() else {
        return Ok(None);
    };
    let mut time = Some(metadata.modified()?);
    if metadata.is_dir() {
        for entry in path.read_dir()? {
            time = time.max(newest(&entry?.path())?);
        }
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_looks_into_folders_and_accepts_what_is_missing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (old, new) = (folder.path().join("a"), folder.path().join("deep/b"));
        std::fs::create_dir(folder.path().join("deep"))?;
        std::fs::write(&old, "")?;
        std::fs::write(&new, "")?;
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        std::fs::File::options().write(true).open(&new)?.set_modified(later)?;
        assert_eq!(newest(folder.path())?, Some(new.metadata()?.modified()?));
        assert!(newest(&old)? < newest(&new)?);
        assert_eq!(newest(&folder.path().join("nothing"))?, None);
        Ok(())
    }
}
