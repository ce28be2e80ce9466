//! The certificate for TLS, read again when its files change.

use std::{
    fs, io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use tokio::{task::spawn_blocking, time::sleep};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::Error;
use crate::options::Certificate;

/// How often the files are looked at. Certificates are renewed weeks before they end.
const LOOK: Duration = Duration::from_secs(60);

/// The times at which the files were changed.
type Changed = [Option<SystemTime>; 2];

/// The certificate in use.
pub(super) struct Certificates {
    files: Certificate,
    current: Mutex<(TlsAcceptor, Changed)>,
}

impl Certificates {
    /// Reads the files.
    pub(super) async fn load(files: Certificate) -> Result<Self, Error> {
        let (read, paths) = (files.clone(), files.clone());
        let loaded = spawn_blocking(move || load(&read)).await;
        let current = loaded.unwrap_or_else(|error| Err(wrong(&paths.chain, &error)))?;
        Ok(Self { files, current: Mutex::new(current) })
    }

    /// Takes up TLS with the certificate as it now is.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.lock().0.clone()
    }

    async fn look(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let looked = spawn_blocking(move || {
            if changed(&this.files) == this.current.lock().1 {
                return Ok(false);
            }
            *this.current.lock() = load(&this.files)?;
            Ok::<_, Error>(true)
        });
        match looked.await {
            Ok(Ok(true)) => tracing::info!("the certificate of the TURN server was read again"),
            Ok(Err(error)) => tracing::warn!(%error, "the TURN server goes on with its old certificate"),
            Ok(Ok(false)) | Err(_) => {}
        }
    }
}

/// Reads the files again whenever they have changed. One that cannot be used leaves the old one in use.
pub(super) async fn keep_current(certificates: Arc<Certificates>) {
    loop {
        sleep(LOOK).await;
        certificates.look().await;
    }
}

fn changed(files: &Certificate) -> Changed {
    let of = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    [of(&files.chain), of(&files.key)]
}

fn load(files: &Certificate) -> Result<(TlsAcceptor, Changed), Error> {
    let changed = changed(files);
    let chain = CertificateDer::pem_file_iter(&files.chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| wrong(&files.chain, &error))?;
    if chain.is_empty() {
        return Err(wrong(&files.chain, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| wrong(&files.chain, &error))?;
    Ok((TlsAcceptor::from(Arc::new(config)), changed))
}

fn wrong(path: &Path, reason: &impl ToString) -> Error {
    Error::Certificate { path: path.to_owned(), reason: reason.to_string() }
}

/// Whether an error of TLS is worth a line: those that clients cause are not.
pub(super) fn is_ours(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::{Certificate, Certificates, Error};

    const PEM: &str = include_str!("../../tests/it/localhost.pem");

    #[tokio::test]
    async fn a_certificate_is_read_again_and_a_broken_one_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let files = Certificate { chain: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
        let why = async || match Certificates::load(files.clone()).await {
            Err(Error::Certificate { path, reason }) => (path, reason),
            _ => panic!("this should not have been taken"),
        };
        assert_eq!(why().await.0, files.chain, "no file");
        fs::write(&files.chain, "").unwrap();
        assert!(why().await.1.contains("no certificate"));
        fs::write(&files.chain, PEM).unwrap();
        assert_eq!(why().await.0, files.key, "no key");
        fs::write(&files.key, PEM).unwrap();
        let certificates = Arc::new(Certificates::load(files.clone()).await.unwrap());
        let seen = |certificates: &Certificates| certificates.current.lock().1;
        let first = seen(&certificates);
        let touch = |text: &str, seconds| {
            fs::write(&files.chain, text).unwrap();
            let file = fs::File::options().write(true).open(&files.chain).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        touch("not a certificate", 1_000);
        certificates.look().await;
        assert_eq!(seen(&certificates), first, "a broken one leaves the old one in use");
        touch(PEM, 2_000);
        certificates.look().await;
        assert_ne!(seen(&certificates), first);
    }
}
