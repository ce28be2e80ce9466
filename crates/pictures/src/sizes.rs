//! The sizes of thumbnails: the one that answers a request, and how a picture is fitted to it. Arithmetic only.

/// The way in which a picture is fitted to a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// It fills the box; what stands out is cut off, equally on both sides.
    Crop,
    /// It lies within the box with its own aspect ratio.
    Scale,
}

impl Method {
    /// The specification's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Scale => "scale",
        }
    }

    /// The method that the specification calls `word`.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Crop, Self::Scale].into_iter().find(|method| method.as_str() == word)
    }
}

/// A box that thumbnails are fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The width in pixels; 0 for whatever the picture has.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The way in which a picture is fitted to it.
    pub method: Method,
}

/// The boxes pictures are scaled to: the specification's three, and the largest twice over for dense screens.
const SCALES: &[(u32, u32)] = &[(320, 240), (640, 480), (800, 600), (1600, 1200)];

/// The longer sides of the boxes pictures are cropped to: the specification's 32 and 96, what avatars on dense screens
/// and profile pages need, and the lengths of [`SCALES`]. The shorter side is a number of sixteenths of it, so that
/// the common aspect ratios (1:1, 4:3, 16:9) are exact and the number of thumbnails of a picture has a bound.
const CROPS: &[u32] = &[32, 96, 240, 320, 480, 640, 800, 1600];
const SIXTEENTHS: u32 = 16;

/// The size that answers requests beyond the lists: the picture as large as it is.
const FULL: Size = Size { width: 0, height: 0, method: Method::Scale };

/// The size that answers a request: the smallest of the lists that is at least as large both ways.
pub fn choose(width: u32, height: u32, method: Method) -> Size {
    match method {
        Method::Scale => {
            let found = SCALES.iter().find(|(w, h)| *w >= width && *h >= height);
            found.map_or(FULL, |&(width, height)| Size { width, height, method })
        }
        Method::Crop => {
            let (long, short) = (width.max(height), width.min(height));
            let Some(&rung) = CROPS.iter().find(|rung| **rung >= long) else { return FULL };
            let other = (short * SIXTEENTHS).div_ceil(long) * (rung / SIXTEENTHS);
            let (width, height) = if width >= height { (rung, other) } else { (other, rung) };
            Size { width, height, method }
        }
    }
}

/// The steps to a thumbnail: shrink the whole picture, then cut the middle out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    /// The picture's size once shrunk.
    pub(crate) shrunk: (u32, u32),
    /// The size of the middle that is kept.
    pub(crate) kept: (u32, u32),
}

impl Size {
    /// Fits a picture to the box. Never enlarges: what is smaller than the box one way stays so.
    pub(crate) fn fit(self, width: u32, height: u32) -> Fit {
        if self == FULL {
            return Fit { shrunk: (width, height), kept: (width, height) };
        }
        // The box's share of the picture each way, as fractions over one denominator.
        let (w, h) = (u64::from(width.max(1)), u64::from(height.max(1)));
        let (across, down) = (u64::from(self.width) * h, u64::from(self.height) * w);
        let wanted = match self.method {
            Method::Crop => across.max(down),
            Method::Scale => across.min(down),
        };
        let share = wanted.min(w * h);
        let shrink = |length: u64| ((length * share + w * h / 2) / (w * h)).max(1) as u32;
        let shrunk = (shrink(w), shrink(h));
        let kept = match self.method {
            Method::Crop => (shrunk.0.min(self.width), shrunk.1.min(self.height)),
            Method::Scale => shrunk,
        };
        Fit { shrunk, kept }
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL, Fit, Method, Size, choose};

    fn size(width: u32, height: u32, method: Method) -> Size {
        Size { width, height, method }
    }

    #[test]
    fn requests_are_answered_from_the_lists() {
        use Method::{Crop, Scale};
        let table = [
            ((1, 1, Crop), size(32, 32, Crop)),
            ((32, 32, Crop), size(32, 32, Crop)),
            ((33, 20, Crop), size(96, 60, Crop)),
            ((96, 96, Crop), size(96, 96, Crop)),
            ((320, 240, Crop), size(320, 240, Crop)),
            ((240, 320, Crop), size(240, 320, Crop)),
            ((640, 360, Crop), size(640, 360, Crop)),
            ((1601, 1, Crop), FULL),
            ((1, 1, Scale), size(320, 240, Scale)),
            ((320, 240, Scale), size(320, 240, Scale)),
            ((320, 241, Scale), size(640, 480, Scale)),
            ((800, 600, Scale), size(800, 600, Scale)),
            ((1600, 1201, Scale), FULL),
            ((u32::MAX, u32::MAX, Crop), FULL),
        ];
        for ((width, height, method), expected) in table {
            assert_eq!(choose(width, height, method), expected, "{width}x{height} {method:?}");
        }
        for width in 1..=400 {
            for height in (1..=400).step_by(7) {
                let chosen = choose(width, height, Crop);
                assert!(chosen.width >= width && chosen.height >= height, "{width}x{height}: {chosen:?}");
            }
        }
    }

    #[test]
    fn pictures_are_fitted_without_being_enlarged() {
        use Method::{Crop, Scale};
        let table = [
            (size(96, 96, Crop), (400, 200), (192, 96), (96, 96)),
            (size(96, 96, Crop), (200, 50), (200, 50), (96, 50)),
            (size(96, 96, Crop), (20, 10), (20, 10), (20, 10)),
            (size(320, 240, Scale), (640, 480), (320, 240), (320, 240)),
            (size(320, 240, Scale), (1000, 100), (320, 32), (320, 32)),
            (size(320, 240, Scale), (100_000, 1), (320, 1), (320, 1)),
            (size(320, 240, Scale), (319, 239), (319, 239), (319, 239)),
            (FULL, (5000, 4000), (5000, 4000), (5000, 4000)),
        ];
        for (size, (width, height), shrunk, kept) in table {
            assert_eq!(size.fit(width, height), Fit { shrunk, kept }, "{width}x{height} to {size:?}");
        }
    }

    #[test]
    fn methods_have_the_specifications_names() {
        assert_eq!(Method::parse("crop"), Some(Method::Crop));
        assert_eq!(Method::parse("scale"), Some(Method::Scale));
        assert_eq!(Method::parse("Scale"), None);
    }
}
