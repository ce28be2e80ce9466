//! Which layer of a video a receiver gets: what it asks for, what there is, and what its connection carries.

use std::time::{Duration, Instant};

use crate::proto::models::{VideoLayer, VideoQuality};

/// A layer without packets for this long is not sent any more.
const SILENT: Duration = Duration::from_millis(1500);
/// Over which time the rate of a layer is measured.
const WINDOW: Duration = Duration::from_secs(1);
/// How often a publisher is asked for a key frame of a layer.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(500);

/// What is known of one layer of a track.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    last: Option<Instant>,
    window: Option<Instant>,
    bytes: u64,
    ends: u32,
    /// Bits per second.
    rate: u64,
    /// Frames per second, once a second has passed.
    frames: Option<u32>,
    asked: Option<Instant>,
}

impl Layer {
    /// Counts a packet, which may be the last of a frame.
    pub(crate) fn received(&mut self, bytes: usize, ends_frame: bool, now: Instant) {
        let start = *self.window.get_or_insert(now);
        let time = now.duration_since(start);
        if time >= WINDOW {
            let rate = self.bytes * 8 * 1000 / time.as_millis() as u64;
            // Falls slowly: what a quiet scene needs now it will not need in a second.
            self.rate = rate.max((self.rate * 3 + rate) / 4);
            self.frames = Some((u64::from(self.ends) * 1000 / time.as_millis() as u64) as u32);
            (self.window, self.bytes, self.ends) = (Some(now), 0, 0);
        }
        self.bytes += bytes as u64;
        self.ends += u32::from(ends_frame);
        self.last = Some(now);
    }

    /// Whether packets have come lately.
    pub(crate) fn is_active(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.duration_since(last) < SILENT)
    }

    /// Bits per second.
    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// Frames per second, once that is known.
    pub(crate) fn frames(&self) -> Option<u32> {
        self.frames
    }

    /// Whether a key frame may be asked for; if so, it counts as asked.
    pub(crate) fn may_ask(&mut self, now: Instant) -> bool {
        let may = self.asked.is_none_or(|asked| now.duration_since(asked) >= KEY_FRAME_INTERVAL);
        if may {
            self.asked = Some(now);
        }
        may
    }
}

/// What a receiver asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) enabled: bool,
    pub(crate) quality: VideoQuality,
    /// Pixels of the place where it is shown; 0 is not known.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// 1 is the highest; 0 is not set.
    pub(crate) priority: u32,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { enabled: true, quality: VideoQuality::High, width: 0, height: 0, priority: 0 }
    }
}

impl Wanted {
    /// The highest quality of a track with these layers that is of use; `Off` is none.
    pub(crate) fn highest(&self, layers: &[VideoLayer]) -> VideoQuality {
        if !self.enabled || self.quality == VideoQuality::Off {
            return VideoQuality::Off;
        }
        if self.width == 0 || self.height == 0 {
            return self.quality;
        }
        let mut sorted: Vec<_> = layers.iter().filter(|layer| layer.width > 0 && layer.height > 0).collect();
        sorted.sort_by_key(|layer| u64::from(layer.width) * u64::from(layer.height));
        // The smallest layer that fills the place; it may fall short by a few pixels.
        let fills = |have: u32, place: u32| have.saturating_mul(20) >= place.saturating_mul(19);
        sorted
            .into_iter()
            .find(|layer| fills(layer.width, self.width) || fills(layer.height, self.height))
            .map_or(VideoQuality::High, VideoLayer::quality)
    }
}

/// The index of the layer for a quality, of `count` layers sorted from small to large.
pub(crate) fn index(quality: VideoQuality, count: usize) -> Option<usize> {
    match (quality, count) {
        (VideoQuality::Off, _) | (_, 0) => None,
        (VideoQuality::Low, _) => Some(0),
        (VideoQuality::Medium, _) => Some(1.min(count - 1)),
        (VideoQuality::High, _) => Some(count - 1),
    }
}

/// The layer to send: the largest that is active and not above `highest`, else the smallest that is active.
pub(crate) fn best(active: &[bool], highest: usize) -> Option<usize> {
    let below = active.iter().take(highest + 1).rposition(|active| *active);
    below.or_else(|| active.iter().position(|active| *active))
}

/// A video that competes for a receiver's bandwidth.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// 1 is the highest; 0 is not set and comes last.
    pub(crate) priority: u32,
    /// Index of the layer that is wanted.
    pub(crate) highest: usize,
    /// Rate of each layer in bits per second; `None` is not sent now.
    pub(crate) rates: Vec<Option<u64>>,
}

/// Shares a budget of bits per second: everybody gets the smallest layer first, by priority, then the next ones in turns.
/// What has no place gets nothing, unless the smallest layers are to be kept. `None` is a budget that is not known:
/// everybody gets what is wanted.
pub(crate) fn share(candidates: &[Candidate], budget: Option<u64>, keep_smallest: bool) -> Vec<Option<usize>> {
    let layers: Vec<Vec<usize>> = candidates
        .iter()
        .map(|candidate| {
            let active: Vec<_> = candidate.rates.iter().map(Option::is_some).collect();
            let Some(best) = best(&active, candidate.highest) else { return Vec::new() };
            (0..=best).filter(|layer| active[*layer]).collect()
        })
        .collect();
    let Some(mut budget) = budget else {
        return layers.iter().map(|layers| layers.last().copied()).collect();
    };
    let mut order: Vec<_> = (0..candidates.len()).collect();
    order.sort_by_key(|index| match candidates[*index].priority {
        0 => u32::MAX,
        priority => priority,
    });
    let mut given = vec![None; candidates.len()];
    let mut stopped = vec![false; candidates.len()];
    let most = layers.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..most {
        for &index in &order {
            let Some(&layer) = layers[index].get(round) else { continue };
            let rate = |layer: usize| candidates[index].rates[layer].unwrap_or(0);
            let more = rate(layer).saturating_sub(given[index].map_or(0, rate));
            let kept = round == 0 && keep_smallest;
            if !kept && (stopped[index] || more > budget) {
                stopped[index] = true;
            } else {
                budget = budget.saturating_sub(more);
                given[index] = Some(layer);
            }
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Vec<VideoLayer> {
        let layer = |quality: VideoQuality, width, height| VideoLayer {
            quality: quality as i32,
            width,
            height,
            ..VideoLayer::default()
        };
        vec![
            layer(VideoQuality::Low, 320, 180),
            layer(VideoQuality::Medium, 640, 360),
            layer(VideoQuality::High, 1280, 720),
        ]
    }

    fn sized(width: u32, height: u32) -> Wanted {
        Wanted { width, height, ..Wanted::default() }
    }

    #[test]
    fn a_small_place_wants_a_small_layer() {
        let highest = |wanted: Wanted| wanted.highest(&layers());
        assert_eq!(highest(sized(160, 90)), VideoQuality::Low);
        assert_eq!(highest(sized(330, 185)), VideoQuality::Low, "a few pixels short");
        assert_eq!(highest(sized(400, 225)), VideoQuality::Medium);
        assert_eq!(highest(sized(4000, 2250)), VideoQuality::High);
        assert_eq!(highest(Wanted::default()), VideoQuality::High);
        assert_eq!(highest(Wanted { enabled: false, ..sized(160, 90) }), VideoQuality::Off);
        assert_eq!(highest(Wanted { quality: VideoQuality::Medium, ..Wanted::default() }), VideoQuality::Medium);
    }

    #[test]
    fn the_best_layer_is_one_that_is_sent() {
        assert_eq!(best(&[true, true, true], 1), Some(1));
        assert_eq!(best(&[true, false, true], 1), Some(0));
        assert_eq!(best(&[false, false, true], 1), Some(2));
        assert_eq!(best(&[false, false], 1), None);
        assert_eq!(index(VideoQuality::Medium, 1), Some(0));
        assert_eq!(index(VideoQuality::High, 3), Some(2));
        assert_eq!(index(VideoQuality::Off, 3), None);
    }

    fn candidate(priority: u32, highest: usize) -> Candidate {
        Candidate { priority, highest, rates: vec![Some(100), Some(300), Some(900)] }
    }

    #[test]
    fn a_budget_is_shared_from_the_bottom_up() {
        let both = [candidate(0, 2), candidate(0, 2)];
        assert_eq!(share(&both, None, false), [Some(2), Some(2)]);
        assert_eq!(share(&both, Some(2000), false), [Some(2), Some(2)]);
        assert_eq!(share(&both, Some(1300), false), [Some(2), Some(1)]);
        assert_eq!(share(&both, Some(600), false), [Some(1), Some(1)]);
        assert_eq!(share(&both, Some(450), false), [Some(1), Some(0)]);
        assert_eq!(share(&both, Some(150), false), [Some(0), None]);
        assert_eq!(share(&both, Some(0), false), [None, None]);
        assert_eq!(share(&both, Some(0), true), [Some(0), Some(0)]);
        assert_eq!(share(&both, Some(450), true), [Some(1), Some(0)]);
    }

    #[test]
    fn priority_decides_who_goes_first() {
        assert_eq!(
            share(&[candidate(0, 2), candidate(2, 2), candidate(1, 2)], Some(250), false),
            [None, Some(0), Some(0)]
        );
        let small = Candidate { priority: 0, highest: 0, rates: vec![Some(100), Some(300)] };
        assert_eq!(share(&[small, candidate(0, 2)], Some(450), false), [Some(0), Some(1)]);
    }

    #[test]
    fn a_layer_ends_when_nothing_comes() {
        let (mut layer, now) = (Layer::default(), Instant::now());
        assert!(!layer.is_active(now));
        for step in 0..30 {
            layer.received(1000, step % 2 == 0, now + Duration::from_millis(step * 100));
        }
        let end = now + Duration::from_millis(2900);
        assert!((70_000..90_000).contains(&layer.rate()), "{}", layer.rate());
        assert_eq!(layer.frames(), Some(5));
        assert!(layer.is_active(end) && !layer.is_active(end + SILENT));
    }

    #[test]
    fn key_frames_are_not_asked_for_all_the_time() {
        let (mut layer, now) = (Layer::default(), Instant::now());
        assert!(layer.may_ask(now));
        assert!(!layer.may_ask(now + Duration::from_millis(499)));
        assert!(layer.may_ask(now + Duration::from_millis(500)));
    }
}
