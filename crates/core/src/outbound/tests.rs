//! Requests to servers of the test's own: that connections are kept, and what becomes of those that were closed.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::*;

fn outbound() -> Outbound {
    Outbound::new(Reach::Anywhere, None, "test")
}

fn post(body: &str) -> Exchange {
    Exchange::json(Method::POST, body.to_owned(), Duration::from_secs(5), 1_024)
}

fn url_of(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}/tell?it=1")).unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Reads a request whose body is `{}`; `false` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n{}") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => return false,
        }
    }
    assert!(read.starts_with(b"POST /tell?it=1 HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&read));
    true
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that answers so many requests on a connection and then closes it without saying so. It counts connections.
fn serve(listener: TcpListener, per_connection: usize) -> Arc<AtomicUsize> {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                for _ in 0..per_connection {
                    if !read_request(&mut stream).await || stream.write_all(ANSWER).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    connections
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let (listener, address) = listen().await;
    let connections = serve(listener, usize::MAX);
    let outbound = outbound();
    for _ in 0..20 {
        let answer = outbound.exchange(&url_of(address), post("{}")).await.unwrap();
        assert_eq!((answer.status(), &**answer.body()), (StatusCode::OK, &b"ok"[..]));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_request() {
    let (listener, address) = listen().await;
    let connections = serve(listener, 1);
    let outbound = outbound();
    for _ in 0..50 {
        // Sometimes the end is known before the next request, sometimes only after it was written.
        let answer = outbound.exchange(&url_of(address), post("{}")).await;
        assert_eq!(answer.map_err(|failure| failure.to_string()).map(|answer| answer.status()), Ok(StatusCode::OK));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 50);
}

/// Answers the first request of a connection; takes the second one and closes without a word.
#[tokio::test]
async fn a_request_is_repeated_when_its_old_connection_dies_under_it_and_not_when_a_new_one_does() {
    let (listener, address) = listen().await;
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let dies_at_once = Arc::new(AtomicUsize::new(0));
    let dies = Arc::clone(&dies_at_once);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if read_request(&mut stream).await {
                counted.fetch_add(1, Ordering::SeqCst);
                if dies.load(Ordering::SeqCst) == 1 {
                    continue;
                }
                stream.write_all(ANSWER).await.unwrap();
                if read_request(&mut stream).await {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    });
    let outbound = outbound();
    outbound.exchange(&url_of(address), post("{}")).await.unwrap();
    outbound.exchange(&url_of(address), post("{}")).await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 3, "the second was made twice");
    dies_at_once.store(1, Ordering::SeqCst);
    let fresh = Outbound::new(Reach::Anywhere, None, "test");
    // The connection that is kept ends first, so that the next is read at all.
    drop(outbound);
    let failure = fresh.exchange(&url_of(address), post("{}")).await.unwrap_err();
    assert!(matches!(failure, Failure::Client(_)), "{failure}");
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn very_many_hosts_take_a_bounded_number_of_connections() {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let open = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&open);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                while read_request(&mut stream).await {
                    stream.write_all(ANSWER).await.unwrap();
                }
                counted.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let outbound = outbound();
    for host in 1..=connector::MAX_KEPT + 100 {
        let address = Ipv4Addr::new(127, 0, (host >> 8) as u8, host as u8);
        outbound.exchange(&url_of((address, port).into()), post("{}")).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let open = open.load(Ordering::SeqCst);
    assert!((connector::MAX_KEPT / 2..=connector::MAX_KEPT).contains(&open), "{open} are open");
}

#[tokio::test]
async fn failures_are_told_as_the_connector_knows_them() {
    let (listener, address) = listen().await;
    drop(listener);
    let failure = outbound().exchange(&url_of(address), post("{}")).await.unwrap_err();
    assert!(matches!(failure, Failure::Io(_)), "{failure}");
    let public = Outbound::new(Reach::Public(Vec::new()), Some(vec![443]), "test");
    let failure = public.exchange(&url_of(address), post("{}")).await.unwrap_err();
    assert!(matches!(failure, Failure::Port(_)), "{failure}");
    let public = Outbound::new(Reach::Public(Vec::new()), None, "test");
    for host in ["127.0.0.1", "[::1]", "0x7f.1", "localhost", "[::ffff:10.0.0.1]"] {
        let url = Url::parse(&format!("http://{host}:9/")).unwrap();
        let failure = public.exchange(&url, post("{}")).await.unwrap_err();
        assert!(matches!(failure, Failure::Address), "{host}: {failure}");
    }
    for url in ["ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://:word@127.0.0.1/"] {
        let failure = outbound().exchange(&Url::parse(url).unwrap(), post("{}")).await.unwrap_err();
        assert!(matches!(failure, Failure::Scheme), "{url}: {failure}");
    }
}

/// A certificate for `localhost` that nobody else trusts, with its key. It ends in a hundred years.
const LOCALHOST: &[u8] = include_bytes!("tests/localhost.pem");

/// A server over TLS that chooses among `protocols`.
async fn serve_tls(protocols: &[&[u8]]) -> (Outbound, Url, Arc<AtomicUsize>) {
    let certificate = CertificateDer::from_pem_slice(LOCALHOST).unwrap();
    let key = PrivateKeyDer::from_pem_slice(LOCALHOST).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let trusting = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listen().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
                let answer = service_fn(|request: Request<Incoming>| async move {
                    let version = format!("{:?}", request.version());
                    // All of them are there before the first is answered.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(version))))
                });
                let io = TokioIo::new(stream);
                // Its end is the client's.
                let _ = if chosen.as_deref() == Some(b"h2") {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, answer).await
                } else {
                    hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await
                };
            });
        }
    });
    let outbound = Outbound::over(Connector::trusting(Reach::Anywhere, trusting), "test");
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    (outbound, url, connections)
}

#[tokio::test]
async fn over_tls_the_best_protocol_of_both_is_spoken() {
    for (protocols, version) in [
        (&[b"h2".as_slice(), b"http/1.1"][..], "HTTP/2.0"),
        (&[b"http/1.1".as_slice()][..], "HTTP/1.1"),
        (&[][..], "HTTP/1.1"),
    ] {
        let (outbound, url, connections) = serve_tls(protocols).await;
        let outbound = Arc::new(outbound);
        assert_eq!(&**outbound.exchange(&url, post("{}")).await.unwrap().body(), version.as_bytes());
        let mut all = JoinSet::new();
        for _ in 0..10 {
            let (outbound, url) = (Arc::clone(&outbound), url.clone());
            all.spawn(async move { outbound.exchange(&url, post("{}")).await.unwrap() });
        }
        let answers = all.join_all().await;
        assert!(answers.iter().all(|answer| &**answer.body() == version.as_bytes()));
        if version == "HTTP/2.0" {
            assert_eq!(connections.load(Ordering::SeqCst), 1, "one connection carries them all");
        }
    }
}
