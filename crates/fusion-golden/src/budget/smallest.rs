//! Delta debugging: the part of a change that is to blame.

/// What a part of a change does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trial {
    /// What the whole change does.
    Fails,
    /// Not that.
    Holds,
    /// It cannot be told: a recording is missing.
    Unknown,
}

/// A part of a change that fails as the whole does.
#[derive(Debug, PartialEq)]
pub(super) struct Smallest<'a, T> {
    pub(super) set: Vec<&'a T>,
    /// Whether it holds without any one of its elements. Else some of that is unknown, or
    /// was not asked.
    pub(super) is_smallest: bool,
}

/// Delta debugging (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing
/// Input, 2002, `ddmin`; what is unknown counts as not failing): a subset of `all` that
/// fails. `None` where `all` does not. Tries at most `most` subsets, then keeps what it
/// has.
pub(super) fn smallest<'a, T>(
    all: &'a [T],
    most: usize,
    trial: impl Fn(&[&'a T]) -> Trial,
) -> Option<Smallest<'a, T>> {
    let mut set: Vec<&T> = all.iter().collect();
    if trial(&set) != Trial::Fails {
        return None;
    }
    let (mut pieces, mut tried) = (2, 1);
    while set.len() >= 2 && tried < most {
        let size = set.len().div_ceil(pieces);
        let chunks: Vec<Vec<&T>> = set.chunks(size).map(<[_]>::to_vec).collect();
        let rest = |without: usize| -> Vec<&T> {
            let kept = chunks.iter().enumerate().filter(|(it, _)| *it != without);
            kept.flat_map(|(_, it)| it.iter().copied()).collect()
        };
        let candidates = chunks.iter().cloned().map(|it| (2, it));
        let complements = (0..chunks.len()).map(|it| ((pieces - 1).max(2), rest(it)));
        let found = candidates.chain(complements).find(|(_, it)| {
            tried += 1;
            it.len() < set.len() && !it.is_empty() && trial(it) == Trial::Fails
        });
        match found {
            Some((next, smaller)) => (pieces, set) = (next.min(smaller.len().max(2)), smaller),
            None if pieces >= set.len() => break,
            None => pieces = (2 * pieces).min(set.len()),
        }
    }
    let without = |at: usize| -> Vec<&'a T> {
        let kept = set.iter().enumerate().filter(|(it, _)| *it != at);
        kept.map(|(_, it)| *it).collect()
    };
    // Without its only element nothing changes.
    let is_smallest =
        set.len() == 1 || (0..set.len()).all(|it| trial(&without(it)) == Trial::Holds);
    Some(Smallest { set, is_smallest })
}

/// The elements of `all`, which fails, without which the rest is known to hold.
pub(super) fn indispensable<'a, T>(
    all: &'a [T],
    most: usize,
    trial: impl Fn(&[&'a T]) -> Trial,
) -> Vec<&'a T> {
    let holds_without = |without: usize| {
        let rest = all.iter().enumerate().filter(|(at, _)| *at != without);
        trial(&rest.map(|(_, it)| it).collect::<Vec<_>>()) == Trial::Holds
    };
    let tried = all.iter().enumerate().take(most);
    tried.filter(|(at, _)| holds_without(*at)).map(|(_, it)| it).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails_where(yes: bool) -> Trial {
        if yes { Trial::Fails } else { Trial::Holds }
    }

    #[track_caller]
    fn check(culprits: &[u32], expect: &[u32]) {
        let all: Vec<u32> = (0..16).collect();
        let fails = |set: &[&u32]| fails_where(culprits.iter().all(|it| set.contains(&it)));
        let found = smallest(&all, 10_000, fails).expect("all of them fail");
        assert_eq!(found.set.into_iter().copied().collect::<Vec<_>>(), expect);
        assert!(found.is_smallest);
    }

    #[test]
    fn the_smallest_set_is_found() {
        check(&[3], &[3]);
        check(&[3, 12], &[3, 12]);
        check(&[0, 7, 8, 15], &[0, 7, 8, 15]);
        assert_eq!(smallest(&[1, 2], 100, |_| Trial::Holds), None);
        // Either of two is enough: one is named.
        let either = |set: &[&u32]| fails_where(set.contains(&&2) || set.contains(&&3));
        assert_eq!(smallest(&[1, 2, 3], 100, either).map(|it| it.set.len()), Some(1));
    }

    #[test]
    fn what_the_rest_holds_without_is_to_blame() {
        // Only the whole, and the whole without its third, are known.
        let trial = |set: &[&u32]| match set {
            [1, 2, 3] => Trial::Fails,
            [1, 2] => Trial::Holds,
            _ => Trial::Unknown,
        };
        assert_eq!(indispensable(&[1, 2, 3], 100, trial), [&3]);
    }

    #[test]
    fn what_is_unknown_is_not_called_smallest() {
        let whole_only = |set: &[&u32]| match set.len() {
            4 => Trial::Fails,
            _ => Trial::Unknown,
        };
        let found = smallest(&[1, 2, 3, 4], 100, whole_only).expect("the whole fails");
        assert_eq!((found.set.len(), found.is_smallest), (4, false));
        // A half is known to fail, its elements are unknown.
        let half = |set: &[&u32]| match set {
            [1, 2] | [_, _, _, _] => Trial::Fails,
            _ => Trial::Unknown,
        };
        let found = smallest(&[1, 2, 3, 4], 100, half).expect("the whole fails");
        assert_eq!((found.set, found.is_smallest), (vec![&1, &2], false));
    }
}
