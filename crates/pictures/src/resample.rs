//! Makes a picture smaller row by row: an average of squares of pixels as long as what is left is at least twice as
//! large as the result, then the Catmull-Rom filter. Of the picture it holds a few rows only.

use std::collections::VecDeque;

use crate::sizes::Fit;

/// The longest side of a square that is averaged: 256 × 256 × 255 fits 32 bits.
const MAX_SQUARE: usize = 256;

/// Weights of consecutive samples for one sample of the result.
#[derive(Debug, Clone)]
struct Taps {
    start: usize,
    weights: Vec<f32>,
}

/// One way of a picture: the real length, which need not be a number of rows or columns, and the samples that hold it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length {
    pub(crate) real: f64,
    pub(crate) samples: usize,
}

impl Length {
    pub(crate) fn whole(samples: u32) -> Self {
        Self { real: f64::from(samples), samples: samples as usize }
    }

    /// The length once `square` samples at a time are averaged.
    fn averaged(self, square: usize) -> Self {
        Self { real: self.real / square as f64, samples: self.samples.div_ceil(square) }
    }
}

/// A picture on its way to be smaller.
#[derive(Debug)]
pub(crate) struct Resampler {
    channels: usize,
    square: usize,
    width: usize,
    /// Sums of the squares of a row of squares, and the rows that are in them.
    sums: Vec<u32>,
    summed: usize,
    /// Rows that have come, squares that have been averaged.
    rows: usize,
    height: usize,
    averaged: usize,
    columns: Vec<Taps>,
    lines: Vec<Taps>,
    /// The first line that is not complete, and the sums of this and the following ones.
    line: usize,
    open: VecDeque<Vec<f32>>,
    row: Vec<f32>,
    across: Vec<f32>,
    out: Vec<u8>,
    scratch: Vec<u8>,
}

impl Resampler {
    /// Prepares for a picture of `width` by `height`, whose pixels have `channels` samples; of two or four of them the
    /// last one is the opacity. The result is `fit.kept` large.
    pub(crate) fn new((width, height): (Length, Length), fit: Fit, channels: usize) -> Self {
        let room = (width.real / f64::from(fit.shrunk.0) / 2.0).min(height.real / f64::from(fit.shrunk.1) / 2.0);
        let square = (room as usize).clamp(1, MAX_SQUARE);
        let (wide, high) = (width.averaged(square), height.averaged(square));
        let columns = taps(wide, fit.shrunk.0, fit.kept.0);
        Self {
            channels,
            square,
            width: width.samples,
            sums: vec![0; if square > 1 { wide.samples * channels } else { 0 }],
            summed: 0,
            rows: 0,
            height: height.samples,
            averaged: 0,
            across: vec![0.0; columns.len() * channels],
            columns,
            lines: taps(high, fit.shrunk.1, fit.kept.1),
            line: 0,
            open: VecDeque::new(),
            row: vec![0.0; wide.samples * channels],
            out: Vec::with_capacity(fit.kept.0 as usize * fit.kept.1 as usize * channels),
            scratch: Vec::new(),
        }
    }

    /// Takes the next row. False if no more rows are needed.
    pub(crate) fn push(&mut self, row: &[u8]) -> bool {
        let row = &row[..self.width * self.channels];
        let mut scratch = std::mem::take(&mut self.scratch);
        if self.channels.is_multiple_of(2) {
            // The colour of what is not seen must not bleed into what is: colours are weighed by their opacity.
            scratch.clear();
            scratch.extend_from_slice(row);
            premultiply(&mut scratch, self.channels);
            self.average(&scratch);
        } else {
            self.average(row);
        }
        self.scratch = scratch;
        self.line < self.lines.len()
    }

    fn average(&mut self, row: &[u8]) {
        self.rows += 1;
        let (channels, square) = (self.channels, self.square);
        if square == 1 {
            for (value, sample) in self.row.iter_mut().zip(row) {
                *value = f32::from(*sample);
            }
            return self.filter();
        }
        match channels {
            1 => add::<1>(&mut self.sums, row, square),
            2 => add::<2>(&mut self.sums, row, square),
            3 => add::<3>(&mut self.sums, row, square),
            _ => add::<4>(&mut self.sums, row, square),
        }
        self.summed += 1;
        if self.summed < square && self.rows < self.height {
            return;
        }
        let full = self.width / square * channels;
        let whole = 1.0 / (square * self.summed) as f32;
        let part = 1.0 / ((self.width % square).max(1) * self.summed) as f32;
        for (at, (value, sum)) in self.row.iter_mut().zip(&mut self.sums).enumerate() {
            *value = *sum as f32 * if at < full { whole } else { part };
            *sum = 0;
        }
        self.summed = 0;
        self.filter();
    }

    /// Adds a row of averages to the lines that it is part of.
    fn filter(&mut self) {
        let row = self.averaged;
        self.averaged += 1;
        while self.lines.get(self.line + self.open.len()).is_some_and(|taps| taps.start <= row) {
            self.open.push_back(vec![0.0; self.across.len()]);
        }
        if self.open.is_empty() {
            return;
        }
        match self.channels {
            1 => shrink::<1>(&mut self.across, &self.row, &self.columns),
            2 => shrink::<2>(&mut self.across, &self.row, &self.columns),
            3 => shrink::<3>(&mut self.across, &self.row, &self.columns),
            _ => shrink::<4>(&mut self.across, &self.row, &self.columns),
        }
        for (taps, sums) in self.lines[self.line..].iter().zip(&mut self.open) {
            if let Some(weight) = row.checked_sub(taps.start).and_then(|at| taps.weights.get(at)) {
                for (sum, value) in sums.iter_mut().zip(&self.across) {
                    *sum += weight * value;
                }
            }
        }
        while self.open.front().is_some()
            && self.lines[self.line].start + self.lines[self.line].weights.len() <= self.averaged
        {
            let sums = self.open.pop_front().unwrap_or_default();
            self.out.extend(sums.iter().map(|value| (value + 0.5) as u8));
            self.line += 1;
        }
    }

    /// The result. Rows that are missing are black, or transparent.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.resize(self.lines.len() * self.columns.len() * self.channels, 0);
        if self.channels.is_multiple_of(2) {
            for pixel in self.out.chunks_exact_mut(self.channels) {
                let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
                let alpha = u16::from(*alpha).max(1);
                for colour in colours {
                    *colour = ((u16::from(*colour) * 255 + alpha / 2) / alpha).min(255) as u8;
                }
            }
        }
        self.out
    }
}

fn premultiply(row: &mut [u8], channels: usize) {
    for pixel in row.chunks_exact_mut(channels) {
        let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
        for colour in colours {
            *colour = ((u16::from(*colour) * u16::from(*alpha) + 127) / 255) as u8;
        }
    }
}

/// Adds a row to the sums of its squares.
fn add<const N: usize>(sums: &mut [u32], row: &[u8], square: usize) {
    for (sums, pixels) in sums.chunks_exact_mut(N).zip(row.chunks(square * N)) {
        let mut sum = [0; N];
        for pixel in pixels.as_chunks::<N>().0 {
            for (sum, sample) in sum.iter_mut().zip(pixel) {
                *sum += u32::from(*sample);
            }
        }
        for (total, sum) in sums.iter_mut().zip(sum) {
            *total += sum;
        }
    }
}

/// Filters a row.
fn shrink<const N: usize>(out: &mut [f32], row: &[f32], columns: &[Taps]) {
    let pixels = row.as_chunks::<N>().0;
    for (out, taps) in out.as_chunks_mut::<N>().0.iter_mut().zip(columns) {
        let mut sums = [0.0; N];
        for (pixel, weight) in pixels[taps.start..].iter().zip(&taps.weights) {
            for (sum, sample) in sums.iter_mut().zip(pixel) {
                *sum += weight * sample;
            }
        }
        *out = sums;
    }
}

/// The weights for the middle `kept` of `shrunk` samples that a length becomes.
fn taps(length: Length, shrunk: u32, kept: u32) -> Vec<Taps> {
    let ratio = length.real / f64::from(shrunk);
    let scale = ratio.max(1.0);
    let skipped = (shrunk - kept) / 2;
    let last = length.samples as i64 - 1;
    let tap = |at: u32| {
        let centre = (f64::from(at) + 0.5) * ratio - 0.5;
        let first = ((centre - 2.0 * scale).ceil() as i64).clamp(0, last);
        let end = ((centre + 2.0 * scale).floor() as i64).clamp(first, last);
        let weights: Vec<f64> = (first..=end).map(|sample| catmull_rom((sample as f64 - centre) / scale)).collect();
        let sum: f64 = weights.iter().sum();
        Taps { start: first as usize, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
    };
    (skipped..skipped + kept).map(tap).collect()
}

fn catmull_rom(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Length, Resampler};
    use crate::sizes::Fit;

    fn resample(size: (u32, u32), fit: Fit, channels: usize, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let mut resampler = Resampler::new((Length::whole(size.0), Length::whole(size.1)), fit, channels);
        for y in 0..size.1 {
            let row: Vec<u8> = (0..size.0).flat_map(|x| pixel(x, y).into_iter().take(channels)).collect();
            if !resampler.push(&row) {
                break;
            }
        }
        resampler.finish()
    }

    #[test]
    fn a_picture_of_the_same_size_stays_as_it_is() {
        let fit = Fit { shrunk: (7, 5), kept: (7, 5) };
        let made = resample((7, 5), fit, 1, |x, y| [(x * 30 + y) as u8; 4]);
        assert_eq!(made, (0..5).flat_map(|y| (0..7).map(move |x| (x * 30 + y) as u8)).collect::<Vec<_>>());
    }

    #[test]
    fn a_slope_stays_a_slope_and_the_middle_is_kept() {
        for square in [1, 2, 3, 7] {
            let side = 100 * square;
            let fit = Fit { shrunk: (50, 50), kept: (20, 50) };
            let made = resample((side, side), fit, 3, |x, y| [(x * 250 / side) as u8, (y * 250 / side) as u8, 9, 0]);
            assert_eq!(made.len(), 20 * 50 * 3);
            for (at, pixel) in made.chunks_exact(3).enumerate().filter(|(at, _)| (2..48).contains(&(at / 20))) {
                let (x, y) = (at % 20 + 15, at / 20);
                assert!(pixel[0].abs_diff((x * 5 + 2) as u8) <= 2, "{square}: {x} {pixel:?}");
                assert!(pixel[1].abs_diff((y * 5 + 2) as u8) <= 2, "{square}: {y} {pixel:?}");
                assert_eq!(pixel[2], 9);
            }
        }
    }

    proptest! {
        /// Whatever the sizes, one colour stays one colour, up to the edges.
        #[test]
        fn a_plain_picture_stays_plain(
            size in (1_u32..300, 1_u32..300),
            shrunk in (1_u32..300, 1_u32..300),
            kept in (1_u32..300, 1_u32..300),
            channels in 1_usize..5,
            opacity in 1_u8..=255,
        ) {
            let shrunk = (shrunk.0.min(size.0), shrunk.1.min(size.1));
            let fit = Fit { shrunk, kept: (kept.0.min(shrunk.0), kept.1.min(shrunk.1)) };
            let mut colour = [200, 100, 50, opacity];
            colour[channels - 1] = if channels % 2 == 0 { 255 } else { colour[channels - 1] };
            let made = resample(size, fit, channels, |_, _| colour);
            prop_assert_eq!(made.len(), (fit.kept.0 * fit.kept.1) as usize * channels);
            for pixel in made.chunks_exact(channels) {
                prop_assert_eq!(pixel, &colour[..channels]);
            }
        }
    }
}
