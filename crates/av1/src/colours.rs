//! Conversion of brightness and colour to red, green and blue (ITU-T H.273, 8.3), in samples of eight bits.

use im2_pictures::{Refusal, avif::Colours};

/// Bits after the point in the arithmetic. Twelve bits of a sample, a factor below 2 and these fit 31.
const POINT: i32 = 14;

/// Turns the samples of a frame into values from 0 to 255.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conversion {
    /// The offset that is subtracted from brightness, and the factor for the rest.
    brightness: (i32, i32),
    /// The value of the two colours that is no colour.
    middle: i32,
    /// The factors with which the two colours go into red, green and blue. `None` if the samples are those, in the
    /// order green, blue, red.
    mixture: Option<[(i32, i32); 3]>,
}

impl Conversion {
    /// The conversion for samples of this many bits with this meaning.
    pub(crate) fn new(colours: Colours, bits: u8) -> Result<Self, Refusal> {
        let bits = u32::from(bits);
        let most = f64::from((1_u32 << bits) - 1);
        // Of all values, those that are not used are left to overshoot.
        let unit = f64::from(1_u32 << (bits - 8));
        let (black, range, colour_range) =
            if colours.is_full { (0.0, most, most) } else { (16.0 * unit, 219.0 * unit, 224.0 * unit) };
        let fixed = |factor: f64| (factor * f64::from(1 << POINT)).round() as i32;
        let mix = |(one, other): (f64, f64)| (fixed(one * 255.0 / colour_range), fixed(other * 255.0 / colour_range));
        // The parts of red and blue in brightness.
        let by_parts = |red: f64, blue: f64| {
            let green = 1.0 - red - blue;
            let (from_blue, from_red) = (2.0 * (1.0 - blue), 2.0 * (1.0 - red));
            [(0.0, from_red), (-from_blue * blue / green, -from_red * red / green), (from_blue, 0.0)].map(mix)
        };
        let mixture = match colours.matrix {
            0 => None,
            1 => Some(by_parts(0.2126, 0.0722)),
            4 => Some(by_parts(0.30, 0.11)),
            // If nothing is said, it is what it has been since JPEG.
            2 | 5 | 6 => Some(by_parts(0.299, 0.114)),
            7 => Some(by_parts(0.212, 0.087)),
            8 => Some([(-1.0, 1.0), (1.0, 0.0), (-1.0, -1.0)].map(mix)),
            // With constant brightness (10) it is more, which is hardly seen and hardly used.
            9 | 10 => Some(by_parts(0.2627, 0.0593)),
            12 => Some(match colours.primaries {
                9 => by_parts(0.2627, 0.0593),
                12 => by_parts(0.228_97, 0.079_29),
                _ => by_parts(0.2126, 0.0722),
            }),
            _ => return Err(Refusal::Unreadable),
        };
        Ok(Self { brightness: (black as i32, fixed(255.0 / range)), middle: 1 << (bits - 1), mixture })
    }

    /// Brightness only, in every `step`th place.
    pub(crate) fn grey(&self, samples: &[u16], out: &mut [u8], step: usize) {
        for (sample, out) in samples.iter().zip(out.iter_mut().step_by(step)) {
            *out = value(self.bright(*sample));
        }
    }

    /// Pixels of `step` bytes, of which the first three are set.
    pub(crate) fn colour(&self, samples: [&[u16]; 3], out: &mut [u8], step: usize) {
        let [first, second, third] = samples;
        let pixels = first.iter().zip(second).zip(third).zip(out.chunks_mut(step));
        let Some(mixture) = self.mixture else {
            for (((green, blue), red), out) in pixels {
                let [r, g, b, ..] = out else { break };
                [*r, *g, *b] = [red, green, blue].map(|sample| value(self.bright(*sample)));
            }
            return;
        };
        for (((brightness, one), other), out) in pixels {
            let [r, g, b, ..] = out else { break };
            let bright = self.bright(*brightness);
            let (one, other) = (i32::from(*one) - self.middle, i32::from(*other) - self.middle);
            [*r, *g, *b] = mixture.map(|(of_one, of_other)| value(bright + one * of_one + other * of_other));
        }
    }

    fn bright(&self, sample: u16) -> i32 {
        (i32::from(sample) - self.brightness.0) * self.brightness.1
    }
}

fn value(fixed: i32) -> u8 {
    ((fixed + (1 << (POINT - 1))) >> POINT).clamp(0, 255) as u8
}

/// Makes a row of twice as many samples: those between two are nearer to one of them.
pub(crate) fn doubled(samples: &[u16], out: &mut Vec<u16>) {
    out.clear();
    let near = |at: usize| samples[at.min(samples.len() - 1)];
    for (at, sample) in samples.iter().enumerate() {
        out.push(between(*sample, near(at.saturating_sub(1))));
        out.push(between(*sample, near(at + 1)));
    }
}

/// A sample between two that is nearer to the first.
pub(crate) fn between(near: u16, far: u16) -> u16 {
    // Samples have up to 12 bits.
    (3 * near + far + 2) >> 2
}

#[cfg(test)]
mod tests {
    use im2_pictures::avif::Colours;

    use super::{Conversion, doubled};

    const MATRICES: [u16; 10] = [0, 1, 2, 4, 5, 6, 7, 8, 9, 12];

    fn converted(samples: [u16; 3], matrix: u16, is_full: bool, bits: u8) -> [u8; 3] {
        let conversion = Conversion::new(Colours { primaries: 1, transfer: 13, matrix, is_full }, bits).unwrap();
        let mut out = [0; 3];
        conversion.colour([&samples[..1], &samples[1..2], &samples[2..]], &mut out, 3);
        out
    }

    #[test]
    fn black_and_white_are_so_by_every_matrix_depth_and_range() {
        for bits in [8, 10, 12] {
            let unit = 1_u16 << (bits - 8);
            let (middle, most) = (128 * unit, (256 * unit) - 1);
            for matrix in MATRICES {
                let colours =
                    |brightness: u16| if matrix == 0 { [brightness; 3] } else { [brightness, middle, middle] };
                assert_eq!(converted(colours(0), matrix, true, bits), [0; 3]);
                assert_eq!(converted(colours(most), matrix, true, bits), [255; 3], "{matrix} {bits}");
                assert_eq!(converted(colours(16 * unit), matrix, false, bits), [0; 3]);
                assert_eq!(converted(colours(235 * unit), matrix, false, bits), [255; 3]);
                // What is beyond the range stays within what a value can say.
                assert_eq!(converted(colours(most), matrix, false, bits), [255; 3]);
                assert_eq!(converted(colours(0), matrix, false, bits), [0; 3]);
            }
        }
    }

    /// Red, as the standards' own formulas make samples of it.
    #[test]
    fn red_is_red_by_every_matrix() {
        for bits in [8, 10, 12] {
            let most = f64::from((1_u32 << bits) - 1);
            let sample = |part: f64| (part * most).round() as u16;
            let middle = f64::from(1_u32 << (bits - 1)) / most;
            for (matrix, red, blue) in
                [(1, 0.2126, 0.0722), (4, 0.30, 0.11), (6, 0.299, 0.114), (7, 0.212, 0.087), (9, 0.2627, 0.0593)]
            {
                let samples =
                    [sample(red), sample(middle - red / (2.0 * (1.0 - blue))), sample(middle + 0.5).min(most as u16)];
                let made = converted(samples, matrix, true, bits);
                assert!(made[0] >= 252 && made[1] <= 2 && made[2] <= 2, "{matrix} {bits}: {made:?}");
            }
            assert_eq!(converted([0, 0, most as u16], 0, true, bits), [255, 0, 0]);
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for matrix in [3, 11, 13, 14, 15, 200] {
            assert!(Conversion::new(Colours { primaries: 1, transfer: 1, matrix, is_full: true }, 8).is_err());
        }
    }

    #[test]
    fn rows_are_doubled_without_a_shift() {
        let mut out = Vec::new();
        doubled(&[100, 200, 200], &mut out);
        assert_eq!(out, [100, 125, 175, 200, 200, 200]);
        doubled(&[7], &mut out);
        assert_eq!(out, [7, 7]);
    }
}
