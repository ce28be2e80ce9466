//! Answers of the server.

use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The request it answers, for messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of a success; panics otherwise.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.request, self.text());
        self.json()
    }

    /// Checks the status and returns the body.
    #[track_caller]
    pub fn status_is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        self.json()
    }

    /// Checks that the request was refused with this status and error code; returns the error object.
    #[track_caller]
    pub fn refused(self, status: u16, errcode: &str) -> Value {
        let body = self.json();
        let got = (self.status, body["errcode"].as_str().unwrap_or_default());
        assert_eq!(got, (status, errcode), "{}: {}", self.request, self.text());
        assert!(body["error"].as_str().is_some_and(|message| !message.is_empty()), "{}: {body}", self.request);
        body
    }
}
