//! Random rooms, judged and resolved by two implementations that have nothing in common but the specification.

#[expect(dead_code, reason = "the kernel's own tests use the rest")]
#[path = "../../../../../crates/kernel/src/resolve/tests/world.rs"]
mod world;

use im2_kernel as kernel;
use im2_kernel::{
    resolve::resolve,
    version::RoomVersion::{self, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12},
};
use im2_oracle_state_res as theirs;
use world::{Branch, World, entries};

/// How many rooms of each version; `IM2_ORACLE_ROOMS` looks longer.
const ROOMS: u64 = 150;

fn rooms() -> u64 {
    std::env::var("IM2_ORACLE_ROOMS").ok().and_then(|number| number.parse().ok()).unwrap_or(ROOMS)
}

/// A seed of its own for each room.
fn seed(version: RoomVersion, number: u64) -> u64 {
    (version as u64) << 32 | number
}

/// Resolves all forks of random rooms of these versions.
fn compare(versions: &[RoomVersion]) {
    let (mut resolutions, mut conflicts, mut mixed) = (0, 0, 0);
    for version in versions.iter().copied() {
        // The only version of its algorithm.
        let rooms = if version == V12 { 4 * rooms() } else { rooms() };
        for number in 0..rooms {
            let (mut world, start) = World::new(version, seed(version, number));
            world.live(start, 4, |world, states| {
                let resolved = resolve(version, states, world).unwrap();
                let expected = theirs::resolve(version, states, world).unwrap();
                assert_eq!(entries(&resolved), entries(&expected), "room {number} of version {version}");
                resolutions += 1;
                let states: Vec<_> = states.iter().map(entries).collect();
                conflicts += usize::from(states[1..].iter().any(|state| *state != states[0]));
                mixed += usize::from(!states.contains(&entries(&resolved)));
                resolved
            });
        }
    }
    println!("{resolutions} resolutions, {conflicts} of different states, {mixed} to a state that is none of them");
    // Rooms in which nothing conflicts would prove nothing.
    assert!(conflicts * 10 > resolutions * 8 && mixed * 2 > resolutions);
}

#[test]
fn states_of_versions_2_to_5_resolve_to_the_same() {
    compare(&[V2, V3, V4, V5]);
}

#[test]
fn states_of_versions_6_to_9_resolve_to_the_same() {
    compare(&[V6, V7, V8, V9]);
}

#[test]
fn states_of_versions_10_to_12_resolve_to_the_same() {
    compare(&[V10, V11, V12]);
}

#[test]
fn events_are_judged_the_same() {
    let (mut allowed, mut refused) = (0, 0);
    for version in RoomVersion::UNDERSTOOD {
        for number in 0..rooms() {
            let (mut world, start) = World::new(version, !seed(version, number));
            let mut states = Vec::new();
            world.live(start, 2, |world, found| {
                states.extend_from_slice(found);
                resolve(version, found, world).unwrap()
            });
            let mut events: Vec<_> = world.events.values().cloned().collect();
            events.sort_by(|one, other| one.event_id.cmp(&other.event_id));
            for state in states {
                let event = &events[world.chance.below(events.len())];
                if &*event.kind == "m.room.create" {
                    continue;
                }
                let branch = Branch { state, ..Branch::default() };
                let ours = world.is_allowed(&branch, event);
                let theirs = theirs::allows(version, event, &branch.state, &world);
                assert_eq!(ours, theirs, "{} of room {number} of version {version}", event.json());
                *(if ours { &mut allowed } else { &mut refused }) += 1;
            }
        }
    }
    println!("{allowed} events allowed, {refused} refused");
    assert!(allowed > refused / 10 && refused > allowed / 10);
}
