//! The little of session descriptions (RFC 8866) that `str0m` does not tell or write: which section is which track.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::transport::stun::Credentials;

/// Most sections of one description.
pub(crate) const MAX_SECTIONS: usize = 1024;

/// A media section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// `audio`, `video` or `application`.
    pub(crate) kind: String,
    pub(crate) mid: String,
    /// Whether its writer sends.
    pub(crate) sends: bool,
    /// Whether its writer receives.
    pub(crate) receives: bool,
    /// The writer's name of the track (RFC 8830).
    pub(crate) track: Option<String>,
    /// The streams that the writer sends at once, as it lists them (RFC 8851).
    pub(crate) rids: Vec<String>,
}

/// The sections of a description, in order.
pub(crate) fn sections(sdp: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            let mut words = media.split(' ');
            let kind = words.next().unwrap_or_default().to_owned();
            sections.push(Section { kind, sends: true, receives: true, ..Section::default() });
            continue;
        }
        let (Some(section), Some(attribute)) = (sections.last_mut(), line.strip_prefix("a=")) else { continue };
        match attribute.split_once(':').unwrap_or((attribute, "")) {
            ("mid", mid) => mid.trim().clone_into(&mut section.mid),
            ("sendonly", _) => section.receives = false,
            ("recvonly", _) => section.sends = false,
            ("inactive", _) => (section.sends, section.receives) = (false, false),
            ("msid", names) => section.track = names.split(' ').nth(1).map(|name| name.trim().to_owned()),
            ("ssrc", rest) if section.track.is_none() => {
                let names = rest.split_once(" msid:").map(|(_, names)| names);
                section.track = names.and_then(|names| names.split(' ').nth(1)).map(|name| name.trim().to_owned());
            }
            ("rid", rid) => {
                let mut words = rid.split(' ');
                if let (Some(name), Some("send")) = (words.next(), words.next()) {
                    section.rids.push(name.to_owned());
                }
            }
            _ => {}
        }
    }
    sections
}

/// The name and password that the writer of a description has for ICE: those of its first section, which carries all.
pub(crate) fn credentials(sdp: &str) -> Option<Credentials> {
    let value =
        |start: &str| sdp.lines().find_map(|line| line.strip_prefix(start)).map(|value| value.trim().to_owned());
    Some(Credentials { name: value("a=ice-ufrag:")?, password: value("a=ice-pwd:")? })
}

/// The names under which a section's track travels: its group and itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) stream: String,
    pub(crate) track: String,
}

/// The description with other names for the tracks of the sections in `names`, by their `mid`. A section that is used
/// for one track after the other keeps what `str0m` writes but for this. The sections in `inactive` say that they send
/// nothing.
pub(crate) fn with_names(sdp: &str, names: &HashMap<String, Names>, inactive: &HashSet<String>) -> String {
    let mids: Vec<_> = sections(sdp).into_iter().map(|section| section.mid).collect();
    let mut written = String::with_capacity(sdp.len() + 64 * names.len());
    let mut section = None;
    for line in sdp.lines() {
        if line.starts_with("m=") {
            section = Some(section.map_or(0, |index| index + 1));
        }
        let mid = section.and_then(|index: usize| mids.get(index));
        match (line, mid.and_then(|mid| names.get(mid))) {
            ("a=sendonly", _) if mid.is_some_and(|mid| inactive.contains(mid)) => written.push_str("a=inactive"),
            ("a=sendrecv", _) if mid.is_some_and(|mid| inactive.contains(mid)) => written.push_str("a=recvonly"),
            (line, Some(names)) if line.starts_with("a=msid:") => {
                let _ = write!(written, "a=msid:{} {}", names.stream, names.track);
            }
            (line, Some(names)) if line.starts_with("a=ssrc:") && line.contains(" msid:") => {
                let ssrc = line.split(' ').next().unwrap_or(line);
                let _ = write!(written, "{ssrc} msid:{} {}", names.stream, names.track);
            }
            (line, _) => written.push_str(line),
        }
        written.push_str("\r\n");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\na=group:BUNDLE 0 1 2\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=msid:stream mic\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendrecv\r\na=rid:q send\r\na=rid:h send\r\na=rid:x recv\r\n\
        a=simulcast:send q;h\r\na=ssrc:5 cname:x\r\na=ssrc:5 msid:stream cam\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=inactive\r\n";

    #[test]
    fn sections_are_read() {
        let sections = sections(OFFER);
        assert_eq!(sections.len(), 3);
        assert_eq!((sections[0].kind.as_str(), sections[0].mid.as_str()), ("audio", "0"));
        assert!(sections[0].sends && !sections[0].receives);
        assert_eq!(sections[0].track.as_deref(), Some("mic"));
        assert!(sections[1].sends && sections[1].receives);
        assert_eq!(sections[1].track.as_deref(), Some("cam"));
        assert_eq!(sections[1].rids, ["q", "h"]);
        assert!(!sections[2].sends && !sections[2].receives);
    }

    #[test]
    fn names_are_those_of_the_track_that_uses_the_section() {
        let names = Names { stream: "PA_1|camera".to_owned(), track: "TR_1".to_owned() };
        let written = with_names(OFFER, &HashMap::from([("1".to_owned(), names)]), &HashSet::from(["0".to_owned()]));
        assert!(written.contains("a=ssrc:5 msid:PA_1|camera TR_1\r\n"), "{written}");
        assert!(written.contains("a=inactive\r\na=msid:stream mic\r\n"), "{written}");
        assert_eq!(written.lines().count(), OFFER.lines().count());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(m=|a=|mid:|msid:|rid:|ssrc:| |\r\n|[a-z0-9]){0,80}") {
            let read = sections(&text);
            with_names(&text, &HashMap::new(), &HashSet::new());
            proptest::prop_assert!(read.len() <= text.len());
        }
    }
}
