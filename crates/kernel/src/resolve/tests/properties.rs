//! Properties of state resolution, for any states of any room.

use std::collections::BTreeSet;

use im2_model::EventId;
use proptest::{prelude::*, sample::select};

use super::world::{Chance, World, chain, entries};
use crate::{
    resolve::{
        Split,
        conflict::{auth_difference, conflicted_subgraph},
        graph::Graph,
        resolve,
    },
    state::StateMap,
    version::RoomVersion,
};

fn version() -> impl Strategy<Value = RoomVersion> {
    select(RoomVersion::UNDERSTOOD.to_vec())
}

/// A random room and all states that were resolved in it, up to the last.
fn room(version: RoomVersion, seed: u64, lies: bool) -> (World, Vec<Vec<StateMap<EventId>>>) {
    let (mut world, start) = World::new(version, seed);
    world.lies = lies;
    let mut resolutions = Vec::new();
    world.live(start, 3, |world, states| {
        resolutions.push(states.to_vec());
        resolve(version, states, world).unwrap()
    });
    (world, resolutions)
}

fn sets(states: &[StateMap<EventId>]) -> Vec<BTreeSet<EventId>> {
    states.iter().map(|state| state.iter().map(|(_, _, event_id)| event_id.clone()).collect()).collect()
}

/// The auth difference, by the words of its definition.
fn reference_difference(world: &World, states: &[StateMap<EventId>]) -> BTreeSet<EventId> {
    let chains: Vec<_> = sets(states).into_iter().map(|state| chain(world, state)).collect();
    let all: BTreeSet<EventId> = chains.iter().flatten().cloned().collect();
    all.into_iter().filter(|event_id| chains.iter().any(|chain| !chain.contains(event_id))).collect()
}

/// The conflicted state subgraph: what some conflicted event leads to and what leads to one.
fn reference_subgraph(world: &World, conflicted: &BTreeSet<EventId>) -> BTreeSet<EventId> {
    let below = chain(world, conflicted.iter().cloned());
    below.into_iter().filter(|id| chain(world, [id.clone()]).iter().any(|end| conflicted.contains(end))).collect()
}

fn conflicted_of(states: &[StateMap<EventId>]) -> BTreeSet<EventId> {
    let states: Vec<&StateMap<EventId>> = states.iter().collect();
    Split::of(&states).conflicted.into_values().flatten().cloned().collect()
}

/// A case is three resolutions or more; a fourth of the usual number finds as much in a fourth of the time.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(4), ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_state_is_its_own_resolution(version in version(), seed in any::<u64>()) {
        let (world, resolutions) = room(version, seed, false);
        for state in resolutions.iter().flatten() {
            let resolved = resolve(version, &[state], &world).unwrap();
            prop_assert_eq!(entries(&resolved), entries(state));
            let thrice = resolve(version, &[state, state, state], &world).unwrap();
            prop_assert_eq!(entries(&thrice), entries(state));
        }
        prop_assert!(resolve::<StateMap<EventId>>(version, &[], &world).unwrap().is_empty());
    }

    #[test]
    fn neither_order_nor_repetition_of_the_states_matters(version in version(), seed in any::<u64>()) {
        let (world, resolutions) = room(version, seed, false);
        let mut chance = Chance(seed);
        for states in resolutions {
            let expected = entries(&resolve(version, &states, &world).unwrap());
            let mut others = states.clone();
            others.push(states[chance.below(states.len())].clone());
            for at in (1..others.len()).rev() {
                others.swap(at, chance.below(at + 1));
            }
            prop_assert_eq!(&entries(&resolve(version, &others, &world).unwrap()), &expected);
        }
    }

    #[test]
    fn the_resolution_comes_from_the_states_and_keeps_what_they_agree_on(version in version(), seed in any::<u64>()) {
        let (world, resolutions) = room(version, seed, false);
        for states in resolutions {
            let resolved = resolve(version, &states, &world).unwrap();
            let known: BTreeSet<EventId> = sets(&states).into_iter().flatten().collect();
            let known = if version == RoomVersion::V1 { known } else { chain(&world, known) };
            for (kind, key, event_id) in resolved.iter() {
                prop_assert!(known.contains(event_id));
                prop_assert!(world.events[event_id].is(kind, key));
            }
            let borrowed: Vec<_> = states.iter().collect();
            for (kind, key, event_id) in Split::of(&borrowed).unconflicted.iter() {
                prop_assert_eq!(resolved.get(kind, key), Some(event_id));
            }
        }
    }

    #[test]
    fn the_full_conflicted_set_is_that_of_the_definition(
        version in version(), seed in any::<u64>(), lies in any::<bool>(), ranked in any::<bool>(),
    ) {
        let (mut world, resolutions) = room(version, seed, lies);
        if ranked {
            world.rank_all();
        }
        for states in resolutions {
            let borrowed: Vec<_> = states.iter().collect();
            let mut graph = Graph::new(&world);
            let found = auth_difference(&mut graph, &borrowed).unwrap();
            let found: BTreeSet<EventId> = found.into_iter().map(|number| graph.id(number).clone()).collect();
            prop_assert_eq!(&found, &reference_difference(&world, &states));

            let conflicted = conflicted_of(&states);
            let mut graph = Graph::new(&world);
            let numbers: Vec<_> = conflicted.iter().map(|id| graph.number(id)).collect();
            let found = conflicted_subgraph(&mut graph, &numbers).unwrap();
            let found: BTreeSet<EventId> = found.into_iter().map(|number| graph.id(number).clone()).collect();
            prop_assert_eq!(&found, &reference_subgraph(&world, &conflicted));
        }
    }

    #[test]
    fn ranks_only_save_work(version in version(), seed in any::<u64>(), lies in any::<bool>()) {
        let (mut world, resolutions) = room(version, seed, lies);
        let without: Vec<_> =
            resolutions.iter().map(|states| entries(&resolve(version, states, &world).unwrap())).collect();
        world.rank_all();
        let with: Vec<_> =
            resolutions.iter().map(|states| entries(&resolve(version, states, &world).unwrap())).collect();
        prop_assert_eq!(&with, &without);
        // Of some events only.
        let mut chance = Chance(seed);
        world.ranks.as_mut().unwrap().retain(|_, _| chance.once_in(2));
        let some: Vec<_> =
            resolutions.iter().map(|states| entries(&resolve(version, states, &world).unwrap())).collect();
        prop_assert_eq!(some, without);
    }
}
