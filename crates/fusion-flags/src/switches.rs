use serde::Serialize;

use crate::reason::FlagId;
use crate::snapshot::Snapshot;

/// What `RESON_FEATURES` says, in any of its forms: environment, watched file, API call.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Switches {
    /// Every overlay is off.
    pub emergency: bool,
    /// Flags forced on.
    pub on: Vec<String>,
    /// Flags forced off.
    pub off: Vec<String>,
}

impl Switches {
    /// Reads the text of the switch. `None` (unset) switches nothing; a text with nothing
    /// in it but commas and blanks switches every overlay off; `a,b` forces flags on, `-a`
    /// forces one off. In a file, the end of a line separates as a comma does.
    pub fn parse(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        let mut res = Self::default();
        for word in text.split([',', '\n']).map(str::trim).filter(|it| !it.is_empty()) {
            match word.strip_prefix('-') {
                Some(name) => res.off.push(name.trim().to_owned()),
                None => res.on.push(word.to_owned()),
            }
        }
        res.emergency = res.on.is_empty() && res.off.is_empty();
        res
    }

    /// Whether it switches anything.
    pub fn is_active(&self) -> bool {
        self.emergency || !self.on.is_empty() || !self.off.is_empty()
    }
}

/// What the switches come to on one snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forced {
    pub(crate) emergency: bool,
    pub(crate) active: bool,
    /// By flag; empty where nothing is forced.
    flags: Box<[Force]>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Force {
    #[default]
    No,
    On,
    Off,
}

impl Forced {
    /// Applies `sources` to `snapshot`; off beats on. Names that are neither a flag nor an
    /// overlay come back.
    pub(crate) fn resolve(snapshot: &Snapshot, sources: &[&Switches]) -> (Self, Vec<String>) {
        let mut unknown = Vec::new();
        let mut flags = vec![Force::No; snapshot.flags.len()];
        let words = |to: Force| {
            sources.iter().flat_map(move |it| match to {
                Force::Off => it.off.iter(),
                _ => it.on.iter(),
            })
        };
        for to in [Force::On, Force::Off] {
            for name in words(to) {
                let named = named_flags(snapshot, name);
                if named.is_empty() && !unknown.contains(name) {
                    unknown.push(name.clone());
                }
                for flag in named {
                    if let Some(force) = flags.get_mut(flag.0 as usize) {
                        *force = to;
                    }
                }
            }
        }
        let emergency = snapshot.kill_switch || sources.iter().any(|it| it.emergency);
        let active = emergency || sources.iter().any(|it| it.is_active());
        let forced = flags.iter().any(|it| *it != Force::No);
        let flags = if forced { flags.into() } else { Box::default() };
        (Self { emergency, active, flags }, unknown)
    }

    #[inline]
    pub(crate) fn of(&self, flag: u32) -> Force {
        self.flags.get(flag as usize).copied().unwrap_or_default()
    }
}

/// The flag with this name, else the flags that offer the overlay with this name; a kill
/// switch offers none.
fn named_flags(snapshot: &Snapshot, name: &str) -> Vec<FlagId> {
    match snapshot.flag(name) {
        Some(flag) => vec![flag],
        None => snapshot.offering(name).collect(),
    }
}
