//! Writes JSON objects member by member, with bytes that are JSON already.

use serde::Serialize;

/// A JSON object in the making.
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn new() -> Self {
        Self(vec![b'{'])
    }

    /// Adds a member.
    pub(super) fn member(&mut self, key: &str, value: impl Serialize) -> &mut Self {
        // Writing to a vector cannot fail.
        self.key(key, |out| drop(serde_json::to_writer(out, &value)))
    }

    /// Adds a member whose value `write` writes.
    pub(super) fn key(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        drop(serde_json::to_writer(&mut self.0, key));
        self.0.push(b':');
        write(&mut self.0);
        self
    }

    /// Adds a member that is an object, unless it has no members.
    pub(super) fn object(&mut self, key: &str, object: Self) -> &mut Self {
        if object.is_empty() {
            return self;
        }
        let bytes = object.finish();
        self.key(key, |out| out.extend_from_slice(&bytes))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn members_are_written_one_after_another() {
        let mut object = Object::new();
        object.member("a\"", 1).object("empty", Object::new()).key("b", |out| out.extend_from_slice(b"[]"));
        assert_eq!(object.finish(), br#"{"a\"":1,"b":[]}"#);
    }
}
