//! Colours: the meaning of a picture's values (ITU-T H.273), and the same colours as values of sRGB, which is the
//! colour space of thumbnails without a profile.

use super::boxes::Reader;

/// The white of a picture, in candela a square metre, beside which brighter light is a highlight. (ITU-R BT.2408)
const WHITE: f32 = 203.0;
/// Brightness, in whites, up to which tones of a picture with highlights are kept as they are.
const KNEE: f32 = 0.6;

/// The meaning of values, in the code points of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    /// The red, green and blue that are mixed.
    pub primaries: u16,
    /// The number of the function between values and light.
    pub transfer: u16,
    /// The number of the matrix that made brightness and colour of red, green and blue.
    pub matrix: u16,
    /// Whether samples use all values that their bits can say.
    pub is_full: bool,
}

impl Colours {
    /// Reads a property `colr`, if it is of this kind. (ISO/IEC 14496-12, 12.1.5)
    pub(super) fn read(mut content: Reader) -> Option<Self> {
        if &content.kind().ok()? != b"nclx" {
            return None;
        }
        let mut number = || content.u16().ok();
        let (primaries, transfer, matrix) = (number()?, number()?, number()?);
        Some(Self { primaries, transfer, matrix, is_full: content.u8().ok()? >> 7 == 1 })
    }
}

/// Light of other primaries as light of sRGB's, by rows.
type Mixture = [[f32; 3]; 3];

const BT2020: Mixture = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
const DISPLAY_P3: Mixture = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]];
const SAME: Mixture = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// The function by which a value says how much light there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Srgb,
    /// Perceptual quantiser: absolute light, of up to 10,000 candela a square metre.
    Pq,
    /// Hybrid log-gamma: light in parts of what the display can do.
    Hlg,
}

impl Transfer {
    /// Light, in whites, of a value from 0 to 1.
    fn light(self, value: f32) -> f32 {
        match self {
            Self::Srgb if value <= 0.04045 => value / 12.92,
            Self::Srgb => ((value + 0.055) / 1.055).powf(2.4),
            Self::Pq => {
                let (m1, m2) = (0.159_301_76_f32, 78.84375_f32);
                let (c1, c2, c3) = (0.835_937_5_f32, 18.851_563_f32, 18.6875_f32);
                let root = value.powf(1.0 / m2);
                ((root - c1).max(0.0) / (c2 - c3 * root)).powf(1.0 / m1) * 10_000.0 / WHITE
            }
            Self::Hlg => {
                let (a, b, c) = (0.178_832_77_f32, 0.284_668_92_f32, 0.559_910_7_f32);
                let scene = if value <= 0.5 { value * value / 3.0 } else { (((value - c) / a).exp() + b) / 12.0 };
                // As on a display of 1,000 candela a square metre. The exponent is meant for brightness, not for each
                // colour; for a thumbnail it does.
                scene.powf(1.2) * 1_000.0 / WHITE
            }
        }
    }
}

/// Turns the pixels of a thumbnail, made of a picture with these colours, into values of sRGB. Highlights are brought
/// into its range.
pub(crate) fn to_srgb(pixels: &mut [u8], channels: usize, colours: Colours) {
    let mixture = match colours.primaries {
        9 => &BT2020,
        12 => &DISPLAY_P3,
        _ => &SAME,
    };
    let transfer = match colours.transfer {
        16 => Transfer::Pq,
        18 => Transfer::Hlg,
        _ => Transfer::Srgb,
    };
    if transfer == Transfer::Srgb && mixture == &SAME {
        return;
    }
    let light: Vec<f32> = (0..=255_u8).map(|value| transfer.light(f32::from(value) / 255.0)).collect();
    let light = |value: u8| light[usize::from(value)];
    let values = values();
    let value = |light: f32| values[(light.clamp(0.0, 1.0) * (values.len() - 1) as f32 + 0.5) as usize];
    for pixel in pixels.chunks_exact_mut(channels) {
        match pixel {
            [red, green, blue, ..] => {
                let from = [light(*red), light(*green), light(*blue)];
                let mixed = mixture.map(|row| (row[0] * from[0] + row[1] * from[1] + row[2] * from[2]).max(0.0));
                let brightest = mixed.into_iter().fold(0.0, f32::max);
                let share = if transfer == Transfer::Srgb { 1.0 } else { within_range(brightest) };
                [*red, *green, *blue] = mixed.map(|light| value(light * share));
            }
            [grey, ..] if transfer != Transfer::Srgb => {
                let light = light(*grey);
                *grey = value(light * within_range(light));
            }
            _ => {}
        }
    }
}

/// The factor that brings light below a white: nothing changes up to the knee, and from there highlights approach the
/// white.
fn within_range(light: f32) -> f32 {
    if light <= KNEE {
        return 1.0;
    }
    let room = 1.0 - KNEE;
    (KNEE + room * (1.0 - (-(light - KNEE) / room).exp())) / light
}

/// Values of sRGB for light from none to white, in even steps that are finer than what a value can say.
fn values() -> Vec<u8> {
    const STEPS: u16 = 4096;
    let value = |light: f32| {
        let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        (value * 255.0 + 0.5) as u8
    };
    (0..=STEPS).map(|step| value(f32::from(step) / f32::from(STEPS))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Colours, to_srgb};

    fn converted(mut pixels: Vec<u8>, channels: usize, primaries: u16, transfer: u16) -> Vec<u8> {
        to_srgb(&mut pixels, channels, Colours { primaries, transfer, matrix: 1, is_full: true });
        pixels
    }

    #[test]
    fn colours_of_srgb_stay_and_greys_of_wide_gamuts_too() {
        let pixels: Vec<u8> = (0..=255).flat_map(|value| [value, 255 - value, 7, 100]).collect();
        assert_eq!(converted(pixels.clone(), 4, 1, 13), pixels);
        for primaries in [9, 12] {
            for grey in 0..=255_u8 {
                let made = converted(vec![grey; 3], 3, primaries, 13);
                assert!(made.iter().all(|value| value.abs_diff(grey) <= 1), "{primaries}: {grey} is {made:?}");
            }
        }
    }

    /// By the matrices of the CSS specification (CSS Color 4, 10.3): `color(display-p3 r g b)` as sRGB.
    #[test]
    fn colours_of_wide_gamuts_become_more_vivid_values() {
        let made = converted(vec![200, 100, 50, 9], 4, 12, 13);
        for (value, wanted) in made.iter().zip([215, 93, 31, 9_u8]) {
            assert!(value.abs_diff(wanted) <= 2, "{made:?}");
        }
    }

    #[test]
    fn highlights_are_brought_into_range_in_order() {
        for transfer in [16, 18] {
            let made: Vec<u8> =
                (0..=255).flat_map(|value| converted(vec![value; 3], 3, 9, transfer)).step_by(3).collect();
            assert!(made.is_sorted(), "{transfer}: {made:?}");
            assert_eq!((made[0], *made.last().unwrap()), (0, 255));
            // A grey of a tenth of the white's light is 89 in sRGB, whatever it was.
            let grey: u8 = if transfer == 16 { 91 } else { 87 };
            assert!(made[usize::from(grey)].abs_diff(89) <= 6, "{transfer}: {}", made[usize::from(grey)]);
        }
    }
}
