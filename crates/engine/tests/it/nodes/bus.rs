//! Hints between nodes that there is something in the log: lost, late, told twice and in any order.

use im2_model::SeededRandom;

use crate::builders::number;

/// A hint to a node that another has committed.
#[derive(Debug)]
struct Hint {
    node: usize,
    /// Steps until it arrives.
    due: usize,
}

/// The hints that are under way.
#[derive(Debug, Default)]
pub(super) struct SimulatedBus(Vec<Hint>);

impl SimulatedBus {
    /// Sends a hint to a node, which may be lost, or arrive several times.
    pub(super) fn send(&mut self, node: usize, random: &SeededRandom) {
        let times = [0, 1, 1, 2][number(random, 4)];
        for _ in 0..times {
            let due = if number(random, 2) == 0 { 0 } else { number(random, 12) };
            self.0.push(Hint { node, due });
        }
    }

    /// A step later: the nodes whose hints arrive, in any order.
    pub(super) fn step(&mut self, random: &SeededRandom) -> Vec<usize> {
        let (arrived, mut under_way): (Vec<Hint>, Vec<Hint>) = self.0.drain(..).partition(|hint| hint.due == 0);
        for hint in &mut under_way {
            hint.due -= 1;
        }
        self.0 = under_way;
        let mut nodes: Vec<usize> = arrived.into_iter().map(|hint| hint.node).collect();
        for last in (1..nodes.len()).rev() {
            nodes.swap(last, number(random, last + 1));
        }
        nodes
    }
}
