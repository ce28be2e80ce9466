//! Words in a text: which of any number of words it contains between word boundaries, found in one pass over the text
//! however many words there are and whatever they are (the algorithm of Aho and Corasick).
//!
//! Texts and words are [marked](mark) first: every word boundary becomes a byte of its own. A word that begins and
//! ends with such bytes is then found wherever its bytes are, and no occurrence has to be tried and given up.

use std::collections::{HashMap, VecDeque};

/// Stands for a word boundary. UTF-8 does not use this byte.
const BOUNDARY: u8 = 0xff;
/// No word ends at a node.
const NONE: u32 = u32::MAX;

/// `text` with a [`BOUNDARY`] wherever a word may begin or end: everywhere except between two word characters.
pub(super) fn mark(text: &str) -> Box<[u8]> {
    let mut marked = Vec::with_capacity(text.len() + text.len() / 2 + 2);
    let mut after_word = false;
    for character in text.chars() {
        let is_word = is_word_character(character);
        if !(after_word && is_word) {
            marked.push(BOUNDARY);
        }
        marked.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        after_word = is_word;
    }
    marked.push(BOUNDARY);
    marked.into()
}

pub(super) fn is_word_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The number of a word in its [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WordNumber(u32);

/// Collects words.
#[derive(Debug, Default)]
pub(super) struct WordsBuilder {
    children: HashMap<(u32, u8), u32>,
    /// The word that ends at each node but the root.
    words: Vec<u32>,
    count: u32,
}

/// Words to look for: a tree of their bytes, whose nodes know where to go on when the text departs from it.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The root is the first.
    nodes: Box<[Node]>,
    /// The children of each node, one node's after the other's, in the order of their bytes.
    edges: Box<[(u8, u32)]>,
    count: u32,
}

#[derive(Debug, Clone)]
struct Node {
    first_edge: u32,
    /// The node of the longest proper ending of this node's bytes that is in the tree.
    fallback: u32,
    /// The nearest node on the way through fallbacks at which a word ends; the root if there is none.
    ending: u32,
    /// The word that ends here.
    word: u32,
}

/// The words that were found.
#[derive(Debug, Default)]
pub(super) struct Found {
    words: Box<[u64]>,
    /// How many nodes were looked at: at most three for each byte of the text, and one for each word.
    pub(super) steps: usize,
}

impl Found {
    pub(super) fn has(&self, WordNumber(word): WordNumber) -> bool {
        self.words.get(word as usize / 64).is_some_and(|bits| bits & (1 << (word % 64)) != 0)
    }

    /// Notes a word, and says whether it is new.
    fn insert(&mut self, word: u32) -> bool {
        let (bits, bit) = (&mut self.words[word as usize / 64], 1 << (word % 64));
        let is_new = *bits & bit == 0;
        *bits |= bit;
        is_new
    }
}

impl WordsBuilder {
    /// Adds a word that is folded already. Equal words have equal numbers.
    pub(super) fn add(&mut self, word: &str) -> WordNumber {
        let mut at = 0;
        for byte in mark(word) {
            let next = self.words.len() as u32 + 1;
            at = *self.children.entry((at, byte)).or_insert(next);
            if at == next {
                self.words.push(NONE);
            }
        }
        // There is always a byte: the mark at the end.
        let number = &mut self.words[at as usize - 1];
        if *number == NONE {
            *number = self.count;
            self.count += 1;
        }
        WordNumber(*number)
    }

    pub(super) fn build(self) -> Words {
        if self.words.is_empty() {
            return Words::default();
        }
        let mut edges: Vec<(u32, u8, u32)> =
            self.children.into_iter().map(|((parent, byte), child)| (parent, byte, child)).collect();
        edges.sort_unstable();
        let node = |word: u32| Node { first_edge: 0, fallback: 0, ending: 0, word };
        let mut nodes: Vec<Node> = std::iter::once(NONE).chain(self.words).map(node).collect();
        let mut next_edge = 0;
        for (number, node) in nodes.iter_mut().enumerate() {
            node.first_edge = next_edge as u32;
            while edges.get(next_edge).is_some_and(|(parent, ..)| *parent as usize == number) {
                next_edge += 1;
            }
        }
        let edges = edges.into_iter().map(|(_, byte, child)| (byte, child)).collect();
        let mut words = Words { nodes: nodes.into(), edges, count: self.count };
        words.link();
        words
    }
}

impl Words {
    /// Finds every node's fallback and ending, those of shorter bytes first.
    fn link(&mut self) {
        let mut queue: VecDeque<u32> = self.edges_of(0).iter().map(|(_, child)| *child).collect();
        while let Some(number) = queue.pop_front() {
            let Node { fallback, .. } = self.nodes[number as usize];
            let fallback_node = &self.nodes[fallback as usize];
            let ending = if fallback_node.word == NONE { fallback_node.ending } else { fallback };
            self.nodes[number as usize].ending = ending;
            for index in self.edge_range(number) {
                let (byte, child) = self.edges[index];
                self.nodes[child as usize].fallback = self.step(fallback, byte, &mut 0);
                queue.push_back(child);
            }
        }
    }

    fn edge_range(&self, node: u32) -> std::ops::Range<usize> {
        let end = self.nodes.get(node as usize + 1).map_or(self.edges.len(), |next| next.first_edge as usize);
        self.nodes[node as usize].first_edge as usize..end
    }

    fn edges_of(&self, node: u32) -> &[(u8, u32)] {
        &self.edges[self.edge_range(node)]
    }

    /// The node after one more byte of the text.
    fn step(&self, mut at: u32, byte: u8, steps: &mut usize) -> u32 {
        loop {
            *steps += 1;
            let edges = self.edges_of(at);
            if let Ok(index) = edges.binary_search_by_key(&byte, |(byte, _)| *byte) {
                return edges[index].1;
            }
            if at == 0 {
                return 0;
            }
            at = self.nodes[at as usize].fallback;
        }
    }

    /// The words that a marked text contains.
    pub(super) fn in_text(&self, marked: &[u8]) -> Found {
        let mut found = Found { words: vec![0; (self.count as usize).div_ceil(64)].into(), steps: 0 };
        if self.count == 0 {
            return found;
        }
        let mut at = 0;
        for byte in marked {
            at = self.step(at, *byte, &mut found.steps);
            let here = &self.nodes[at as usize];
            let mut end = if here.word == NONE { here.ending } else { at };
            // Beyond a word that was found before, so were all.
            while end != 0 && found.insert(self.nodes[end as usize].word) {
                end = self.nodes[end as usize].ending;
                found.steps += 1;
            }
        }
        found
    }

    /// How much memory the words take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.edges)
    }
}

/// Whether a marked text contains `word`, which is folded already.
pub(super) fn contains_word(marked: &[u8], word: &str) -> bool {
    let mut words = WordsBuilder::default();
    let number = words.add(word);
    words.build().in_text(marked).has(number)
}
