//! Puts the built web client into release binaries: each file as it is and, where that is smaller, compressed.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let variable = |name| env::var(name).map_err(io::Error::other);
    let default = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    println!("cargo::rerun-if-env-changed=IM2_WEB_DIST");
    println!("cargo::rerun-if-changed=build.rs");
    let chosen = env::var_os("IM2_WEB_DIST");
    // Development builds read the folder when they start, unless it was named.
    let embeds = chosen.is_some() || variable("PROFILE")? == "release";
    let dist = chosen.map_or(default, PathBuf::from);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let mut files = Vec::new();
    if embeds {
        // While the folder is missing, cargo runs this again at every build: that is how it notices the first one.
        println!("cargo::rerun-if-changed={}", dist.display());
        if dist.is_dir() {
            list(&dist, "", &mut files)?;
        }
    }
    files.sort();
    let mut code =
        format!("/// The folder of the built web client.\nconst DIST: &str = {:?};\n", dist.display().to_string());
    code.push_str("/// The files of the web client.\nconst FILES: &[File] = &[\n");
    for (number, path) in files.iter().enumerate() {
        let plain = dist.join(&path[1..]);
        let content = fs::read(&plain)?;
        let brotli = compressed(&out, number, "br", &content, brotli(&content)?)?;
        let gzip = compressed(&out, number, "gz", &content, gzip(&content)?)?;
        let plain = included(&plain.canonicalize()?);
        let _ = writeln!(code, "    File {{ path: {path:?}, plain: {plain}, brotli: {brotli}, gzip: {gzip} }},");
    }
    code.push_str("];\n");
    fs::write(out.join("web.rs"), code)
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Keeps a compressed form if it saves a tenth, as an expression for the generated code.
fn compressed(out: &Path, number: usize, coding: &str, plain: &[u8], small: Vec<u8>) -> io::Result<String> {
    if small.len() * 10 > plain.len() * 9 {
        return Ok("None".into());
    }
    let path = out.join(format!("{number}.{coding}"));
    fs::write(&path, small)?;
    Ok(format!("Some({})", included(&path)))
}

fn included(path: &Path) -> String {
    format!("include_bytes!({:?})", path.display().to_string())
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut out, &parameters)?;
    Ok(out)
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut encoder, content)?;
    encoder.finish()
}
