//! The dependency descriptor of AV1 (and of VP9 where a publisher sends it): a header extension that says how frames
//! depend on each other. It travels outside the encrypted payload and is passed on as it came.

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// Longest value of a header extension in its two-byte form.
const MAX_LENGTH: usize = 255;
/// Longest value in the one-byte form.
const SHORT: usize = 16;

/// The extension's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DependencyDescriptor(Vec<u8>);

impl DependencyDescriptor {
    /// Whether the frame brings the structure of all that follow, which only key frames do.
    pub(crate) fn has_structure(&self) -> bool {
        // Three mandatory bytes (flags, template, frame number), then the flags of the extended form.
        self.0.get(3).is_some_and(|flags| flags & 0x80 != 0)
    }

    /// Whether the packet is the first of its frame.
    pub(crate) fn starts_frame(&self) -> bool {
        self.0.first().is_some_and(|flags| flags & 0x80 != 0)
    }
}

#[derive(Debug)]
struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(descriptor) = values.user_values.get::<DependencyDescriptor>() else { return 0 };
        let Some(place) = buffer.get_mut(..descriptor.0.len()) else { return 0 };
        place.copy_from_slice(&descriptor.0);
        descriptor.0.len()
    }

    fn parse_value(&self, value: &[u8], values: &mut ExtensionValues) -> bool {
        if value.is_empty() || value.len() > MAX_LENGTH {
            return false;
        }
        values.user_values.set(DependencyDescriptor(value.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<DependencyDescriptor>().is_some_and(|descriptor| descriptor.0.len() > SHORT)
    }
}

/// The extension, for a connection's settings.
pub(crate) fn extension() -> Extension {
    Extension::with_serializer(URI, Serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_passed_on_as_it_came() {
        let mut values = ExtensionValues::default();
        assert_eq!(Serializer.write_to(&mut [0; 300], &values), 0);
        let value: Vec<u8> = (0..40).collect();
        assert!(Serializer.parse_value(&value, &mut values));
        assert!(Serializer.requires_two_byte_form(&values));
        let mut buffer = [0; 300];
        let length = Serializer.write_to(&mut buffer, &values);
        assert_eq!(buffer[..length], value);
        assert_eq!(Serializer.write_to(&mut [0; 10], &values), 0);
    }

    #[test]
    fn an_empty_or_long_value_is_none() {
        let mut values = ExtensionValues::default();
        assert!(!Serializer.parse_value(&[], &mut values));
        assert!(!Serializer.parse_value(&[0; 256], &mut values));
    }

    #[test]
    fn key_frames_bring_the_structure() {
        assert!(DependencyDescriptor(vec![0x80, 0, 1, 0x80]).has_structure());
        assert!(!DependencyDescriptor(vec![0x80, 0, 1, 0x40]).has_structure());
        assert!(!DependencyDescriptor(vec![0x80, 0, 1]).has_structure());
    }
}
