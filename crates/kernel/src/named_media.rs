//! The media that an event names: every `mxc://` URI in the text of its content, wherever it stands.

use im2_model::MxcUri;

/// Media of one event that are noted. Beyond it they count as never referred to, and are never collected for that.
pub const MOST: usize = 100;
const SCHEME: &str = "mxc://";

/// The media named in a content, up to `most`, as the store has them: by media ID for those of `own_server`, else with the server.
pub fn named_media(content: &str, own_server: &str, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    for rest in content.split(SCHEME).skip(1) {
        let ends = |character: char| !(character.is_ascii_alphanumeric() || "-._~:/[]".contains(character));
        let uri = rest.split(ends).next().unwrap_or_default();
        let Some((server, media_id)) = uri.split_once('/') else { continue };
        if MxcUri::new(server, media_id).is_err() {
            continue;
        }
        let name = if server == own_server { media_id.to_owned() } else { uri.to_owned() };
        if !found.contains(&name) {
            found.push(name);
        }
        if found.len() == most {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::named_media;

    #[test]
    fn uris_are_found_wherever_they_stand() {
        let content = r#"{"url":"mxc://here/a","info":{"thumbnail_url":"mxc://here/b-_1"},"file":{"url":"mxc://x:80/c"},
            "formatted_body":"<img src=\"mxc://here/d\"> <img src='mxc://here/a'> mxc:// mxc://here/ mxc:///e"}"#;
        assert_eq!(named_media(content, "here", 100), ["a", "b-_1", "x:80/c", "d"]);
        assert!(named_media(r#"{"body":"nothing"}"#, "here", 100).is_empty());
    }
}
