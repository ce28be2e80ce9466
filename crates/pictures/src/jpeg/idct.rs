//! The inverse cosine transform, of all 8 × 8 coefficients or of the lowest ones only: those of a corner of N × N make
//! the block N/8 as large, which is what its average would be.

/// Adding this to a small number leaves the number, rounded, in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// The cosines of a transform of N coefficients.
#[derive(Debug)]
pub(super) struct Basis<const N: usize>([[f32; N]; N]);

impl<const N: usize> Basis<N> {
    pub(super) fn new() -> Self {
        let mut values = [[0.0; N]; N];
        for (frequency, row) in values.iter_mut().enumerate() {
            for (place, value) in row.iter_mut().enumerate() {
                let angle = (2 * place + 1) as f32 * frequency as f32 * std::f32::consts::PI / (2 * N) as f32;
                *value = if frequency == 0 { 0.125_f32.sqrt() } else { 0.5 * angle.cos() };
            }
        }
        Self(values)
    }

    /// Turns the corner of a block of coefficients, whose rows are `stride` long, into N rows of N samples in `out`,
    /// whose rows are `out_stride` long.
    #[inline]
    pub(super) fn inverse(
        &self,
        coefficients: &[i16],
        stride: usize,
        quantisation: &[f32; 64],
        out: &mut [u8],
        out_stride: usize,
    ) {
        let mut between = [[0.0; N]; N];
        for (frequency, row) in coefficients.chunks(stride).take(N).enumerate() {
            let row: &[i16] = &row[..N];
            if row.iter().all(|value| *value == 0) {
                continue;
            }
            let mut scaled = [0.0; N];
            for ((scaled, value), quantum) in scaled.iter_mut().zip(row).zip(&quantisation[frequency * 8..]) {
                *scaled = f32::from(*value) * quantum;
            }
            for (weight, sums) in self.0[frequency].iter().zip(&mut between) {
                for (sum, value) in sums.iter_mut().zip(&scaled) {
                    *sum += weight * value;
                }
            }
        }
        for (between, out) in between.iter().zip(out.chunks_mut(out_stride)) {
            let mut samples = [128.0; N];
            for (value, weights) in between.iter().zip(&self.0) {
                for (sample, weight) in samples.iter_mut().zip(weights) {
                    *sample += value * weight;
                }
            }
            for (out, sample) in out.iter_mut().zip(&samples) {
                *out = (sample.clamp(0.0, 255.0) + ROUND).to_bits() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Basis;

    /// The transform by its definition (T.81, A.3.3).
    fn by_definition(coefficients: &[i16; 64]) -> [[f64; 8]; 8] {
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let mut sum = 0.0;
                for v in 0..8 {
                    for u in 0..8 {
                        let weight = |at: usize, frequency: usize| {
                            let scale = if frequency == 0 { 0.5_f64.sqrt() } else { 1.0 };
                            scale * ((2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0).cos()
                        };
                        sum += weight(x, u) * weight(y, v) * f64::from(coefficients[8 * v + u]);
                    }
                }
                (128.0 + sum / 4.0).clamp(0.0, 255.0)
            })
        })
    }

    fn block() -> [i16; 64] {
        let mut state = 7_u32;
        std::array::from_fn(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 24) as i16 - 128) / (1 + at as i16 / 4)
        })
    }

    #[test]
    fn all_coefficients_give_the_block() {
        let (coefficients, mut out) = (block(), [0; 64]);
        Basis::<8>::new().inverse(&coefficients, 8, &[1.0; 64], &mut out, 8);
        for (row, expected) in out.chunks(8).zip(by_definition(&coefficients)) {
            for (sample, expected) in row.iter().zip(expected) {
                assert!((f64::from(*sample) - expected).abs() <= 0.51, "{sample} {expected}");
            }
        }
    }

    #[test]
    fn a_corner_gives_about_the_average() {
        let mut coefficients = [0; 64];
        (coefficients[0], coefficients[1], coefficients[8]) = (160, 90, -60);
        let whole = by_definition(&coefficients);
        let average = |x: usize, y: usize, side: usize| {
            let sum: f64 = whole[y..y + side].iter().flat_map(|row| &row[x..x + side]).sum();
            sum / (side * side) as f64
        };
        let mut out = [0; 16];
        Basis::<1>::new().inverse(&coefficients, 8, &[1.0; 64], &mut out, 4);
        assert!((f64::from(out[0]) - average(0, 0, 8)).abs() < 1.0);
        Basis::<2>::new().inverse(&coefficients, 8, &[1.0; 64], &mut out, 4);
        assert!(
            (f64::from(out[0]) - average(0, 0, 4)).abs() < 4.0 && (f64::from(out[5]) - average(4, 4, 4)).abs() < 4.0
        );
        Basis::<4>::new().inverse(&coefficients, 8, &[1.0; 64], &mut out, 4);
        assert!((f64::from(out[6]) - average(4, 2, 2)).abs() < 4.0);
    }
}
