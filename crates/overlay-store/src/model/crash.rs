use std::collections::HashSet;

use super::disk::{Bytes, Disk, Node};

/// How many of the states are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sampling {
    /// Up to so many combinations of what may be lost, all of them are.
    pub all_up_to: usize,
    /// Of more combinations: nothing lost, everything lost, each thing alone lost, each
    /// alone kept, and so many drawn by chance.
    pub drawn: usize,
    /// Where chance begins; equal seeds draw equal states.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { all_up_to: 64, drawn: 32, seed: 1 }
    }
}

/// Something that may be lost: a change of names, or bytes of a file.
enum Doubt {
    Names(usize),
    Bytes(usize, Vec<Bytes>),
}

impl Doubt {
    /// How many ways there are; the first is all lost, the last nothing.
    fn ways(&self) -> usize {
        match self {
            Self::Names(_) => 2,
            Self::Bytes(_, ways) => ways.len(),
        }
    }
}

/// The states that a power failure may leave of `disk`, each once.
pub(super) fn states(disk: &Disk, sampling: Sampling) -> Vec<Disk> {
    let doubts = doubts(disk);
    let mut known = HashSet::new();
    let picks = picks(&doubts, sampling).into_iter();
    let states = picks.map(|pick| state(disk, &doubts, &pick));
    states.filter(|it| known.insert(it.fingerprint())).collect()
}

fn doubts(disk: &Disk) -> Vec<Doubt> {
    let names = (0..disk.pending.len()).map(Doubt::Names);
    let bytes = disk.nodes.iter().enumerate().filter_map(|(id, node)| match node.as_deref() {
        Some(Node::File { seen, durable }) if seen != durable => {
            Some(Doubt::Bytes(id, versions(durable, seen)))
        }
        _ => None,
    });
    names.chain(bytes).collect()
}

/// As before, and from where the two part: cut, half there, zeros, all there.
fn versions(durable: &Bytes, seen: &Bytes) -> Vec<Bytes> {
    let (old, all) = (durable.get(), seen.get());
    let kept = old.iter().zip(all).take_while(|(old, new)| old == new).count();
    let (kept, new) = all.split_at(kept);
    let mut res = vec![durable.clone()];
    if kept.len() < old.len() {
        res.push(Bytes::new(kept));
    }
    if !new.is_empty() {
        let half = new.get(..new.len() / 2).unwrap_or_default();
        res.push(Bytes::new(&[kept, half].concat()));
        res.push(Bytes::new(&[kept, &vec![0; new.len()]].concat()));
    }
    res.push(seen.clone());
    res.dedup();
    res
}

/// Which way each doubt goes, for each state.
fn picks(doubts: &[Doubt], sampling: Sampling) -> Vec<Vec<usize>> {
    let ways: Vec<usize> = doubts.iter().map(Doubt::ways).collect();
    let count = ways.iter().try_fold(1_usize, |count, it| count.checked_mul(*it));
    if let Some(count) = count.filter(|it| *it <= sampling.all_up_to) {
        return (0..count).map(|number| digits(number, &ways)).collect();
    }
    let lost = vec![0; ways.len()];
    let kept: Vec<usize> = ways.iter().map(|it| it - 1).collect();
    let mut res = vec![lost.clone(), kept.clone()];
    for at in 0..ways.len() {
        res.push(with(&kept, at, 0));
        res.push(with(&lost, at, kept.get(at).copied().unwrap_or(0)));
    }
    let mut seed = sampling.seed;
    for _ in 0..sampling.drawn {
        res.push(ways.iter().map(|it| draw(&mut seed, *it)).collect());
    }
    res
}

fn digits(mut number: usize, ways: &[usize]) -> Vec<usize> {
    let digit = |ways: &usize| {
        let digit = number % ways;
        number /= ways;
        digit
    };
    ways.iter().map(digit).collect()
}

fn with(pick: &[usize], at: usize, way: usize) -> Vec<usize> {
    let mut res = pick.to_vec();
    if let Some(it) = res.get_mut(at) {
        *it = way;
    }
    res
}

/// The next number below `below`, by splitmix64.
fn draw(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut it = *seed;
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((it ^ (it >> 31)) >> 33).unwrap_or(0) % below
}

/// The disk where each doubt has gone its way.
fn state(disk: &Disk, doubts: &[Doubt], pick: &[usize]) -> Disk {
    let mut res = disk.clone();
    for (doubt, way) in doubts.iter().zip(pick) {
        match doubt {
            Doubt::Names(_) if *way == 0 => {}
            Doubt::Names(at) => {
                if let Some(change) = disk.pending.get(*at) {
                    res.keep(change);
                }
            }
            Doubt::Bytes(id, versions) => {
                if let (Some(Node::File { durable, .. }), Some(bytes)) =
                    (res.node_mut(*id), versions.get(*way))
                {
                    durable.clone_from(bytes);
                }
            }
        }
    }
    res.restarted()
}
