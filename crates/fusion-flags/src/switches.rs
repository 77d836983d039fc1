use std::collections::HashSet;

use serde::Serialize;

use crate::reason::FlagId;
use crate::snapshot::Snapshot;

/// What `RESON_FEATURES` says, in any of its forms: environment, watched file, API call.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Switches {
    /// Every overlay is off.
    pub emergency: bool,
    /// Flags forced on, or overlays whose flags are.
    pub on: Vec<String>,
    /// Flags forced off, or overlays that no flag offers then.
    pub off: Vec<String>,
}

impl Switches {
    /// Reads the text of the switch. `None` (unset) switches nothing; a text with nothing
    /// in it but commas and blanks switches every overlay off; `a,b` forces flags on, `-a`
    /// forces one off. Where no flag has the name it is that of an overlay: `a` forces the
    /// flags on that offer it, `-a` takes it alone out of them. In a file, the end of a line
    /// separates as a comma does.
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
    /// Overlays that are out of every route, by their numbers, sorted.
    out: Box<[u32]>,
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
        let mut out = Vec::new();
        let mut force = |flag: FlagId, to: Force| {
            if let Some(force) = flags.get_mut(flag.0 as usize) {
                *force = to;
            }
        };
        for name in sources.iter().flat_map(|it| &it.on) {
            match Named::of(snapshot, name) {
                Named::Flag(flag) => force(flag, Force::On),
                Named::Overlay(_) => {
                    snapshot.offering(name).for_each(|flag| force(flag, Force::On));
                }
                Named::Nothing => unknown.push(name.clone()),
            }
        }
        for name in sources.iter().flat_map(|it| &it.off) {
            match Named::of(snapshot, name) {
                Named::Flag(flag) => force(flag, Force::Off),
                Named::Overlay(overlay) => out.push(overlay),
                Named::Nothing => unknown.push(name.clone()),
            }
        }
        out.sort_unstable();
        out.dedup();
        let mut seen = HashSet::new();
        unknown.retain(|name| seen.insert(name.clone()));
        let emergency = snapshot.kill_switch || sources.iter().any(|it| it.emergency);
        let active = emergency || sources.iter().any(|it| it.is_active());
        let forced = flags.iter().any(|it| *it != Force::No);
        let flags = if forced { flags.into() } else { Box::default() };
        (Self { emergency, active, flags, out: out.into() }, unknown)
    }

    /// Whether an overlay is out of every route.
    #[inline]
    pub(crate) fn is_out(&self, overlay: u32) -> bool {
        self.out.binary_search(&overlay).is_ok()
    }

    #[inline]
    pub(crate) fn of(&self, flag: u32) -> Force {
        self.flags.get(flag as usize).copied().unwrap_or_default()
    }
}

/// What a name in a switch means.
enum Named {
    Flag(FlagId),
    /// One that flags offer; kill switches offer none.
    Overlay(u32),
    Nothing,
}

impl Named {
    /// The flag with this name, else the overlay.
    fn of(snapshot: &Snapshot, name: &str) -> Self {
        if let Some(flag) = snapshot.flag(name) {
            return Self::Flag(flag);
        }
        let overlay = snapshot.overlays.iter().position(|it| **it == *name);
        let overlay = overlay.and_then(|it| u32::try_from(it).ok());
        let is_offered = snapshot.offering(name).next().is_some();
        overlay.filter(|_| is_offered).map_or(Self::Nothing, Self::Overlay)
    }
}
