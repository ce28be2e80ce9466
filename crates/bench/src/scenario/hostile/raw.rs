//! The attackers' HTTP client: sends requests that were written beforehand and throws the answers away, which costs the
//! machine little beside the server.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::client::Endpoint;

/// The longest line of a head that is read.
const LINE: usize = 64 << 10;

/// One keep-alive connection, opened when it is needed.
#[derive(Debug)]
pub(super) struct Raw {
    endpoint: Endpoint,
    stream: Option<BufReader<TcpStream>>,
}

impl Raw {
    /// A connection that is not open yet.
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, stream: None }
    }

    /// Sends a request and gives the status of the answer, whose body goes to `body` if that is wanted.
    pub(super) async fn exchange(&mut self, request: &[u8], body: Option<&mut Vec<u8>>) -> io::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::with_capacity(LINE, self.endpoint.open().await?),
        };
        let written = stream.write_all(request).await;
        // A server may refuse a request before it has read all of it.
        let Answer { status, stays_open } = read_answer(&mut stream, body).await?;
        if written.is_ok() && stays_open {
            self.stream = Some(stream);
        }
        Ok(status)
    }
}

/// The head of an answer.
struct Answer {
    status: u16,
    stays_open: bool,
}

async fn read_answer(stream: &mut BufReader<TcpStream>, mut body: Option<&mut Vec<u8>>) -> io::Result<Answer> {
    let first = line(stream).await?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    let (mut length, mut is_chunked, mut stays_open) = (None, false, true);
    loop {
        let header = line(stream).await?.to_ascii_lowercase();
        let Some((name, value)) = header.split_once(':') else { break };
        match (name, value.trim()) {
            ("content-length", value) => length = Some(value.parse().map_err(|_| ErrorKind::InvalidData)?),
            ("transfer-encoding", "chunked") => is_chunked = true,
            ("connection", "close") => stays_open = false,
            _ => {}
        }
    }
    if is_chunked {
        loop {
            let size = line(stream).await?;
            let size = u64::from_str_radix(&size, 16).map_err(|_| ErrorKind::InvalidData)?;
            take(stream, size, &mut body).await?;
            line(stream).await?;
            if size == 0 {
                break;
            }
        }
    } else if status != 204 && status != 304 {
        take(stream, length.ok_or(ErrorKind::InvalidData)?, &mut body).await?;
    }
    Ok(Answer { status, stays_open })
}

/// One line without its end; empty for an empty one.
async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if line.len() > LINE {
        return Err(ErrorKind::InvalidData.into());
    }
    let text = String::from_utf8(line).map_err(|_| ErrorKind::InvalidData)?;
    Ok(text.trim_end().to_owned())
}

async fn take(stream: &mut BufReader<TcpStream>, mut length: u64, body: &mut Option<&mut Vec<u8>>) -> io::Result<()> {
    while length > 0 {
        let ready = stream.fill_buf().await?;
        if ready.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let taken = ready.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        if let Some(body) = body {
            body.extend_from_slice(&ready[..taken]);
        }
        stream.consume(taken);
        length -= taken as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn answers_of_both_forms_are_read_to_their_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let answers = [
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                "HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
                "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            ];
            for answer in answers {
                stream.read_exact(&mut [0; 3]).await.expect("a request");
                stream.write_all(answer.as_bytes()).await.expect("written");
            }
        });
        let host = http::HeaderValue::from_static("test");
        let mut raw = Raw::new(Endpoint { address, host, local: None });
        let mut body = Vec::new();
        assert_eq!(raw.exchange(b"one", Some(&mut body)).await.expect("an answer"), 200);
        assert_eq!(raw.exchange(b"two", Some(&mut body)).await.expect("an answer"), 429);
        assert_eq!(body, b"{}abcd");
        assert_eq!(raw.exchange(b"end", None).await.expect("an answer"), 204);
        assert!(raw.stream.is_none());
        server.await.expect("the server ends");
    }
}
