//! The metrics of other libraries, under limits of their own.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use metrics::{Key, KeyName, Label, Metadata, Recorder, SharedString, Unit};

use crate::event::Event;
use crate::label::{suffixed, wire_name};
use crate::metric::Kind;
use crate::store::Store;
use crate::table::{Seeded, Table};
use crate::wire::{self, Shape};

/// The most names.
const NAMES: usize = 254;
/// The longest name in bytes.
const NAME_BYTES: usize = 256;
/// The most series of one name, the one for the surplus included.
const PER_NAME: usize = 1_000;
/// The most series of all names.
const OVERALL: usize = 10_000;

/// Hands metrics on to another recorder, as many as the limits let through.
pub(crate) struct Forward<R> {
    others: R,
    store: Arc<Store>,
    hashes: Seeded,
    names: Table<Name>,
    series: Table<Forwarded>,
    no_more_names: AtomicBool,
    no_more_series: AtomicBool,
    book: Mutex<Book>,
}

/// What was let through. Every limit is exact because only its holder writes.
#[derive(Default)]
struct Book {
    names: usize,
    series: usize,
    /// Every name that stands on the page for one metric, the suffixed ones included.
    claimed: HashSet<String>,
}

/// A metric of another library.
struct Name {
    kind: Kind,
    raw: Box<str>,
    wire: KeyName,
    series: Mutex<usize>,
    full: AtomicBool,
    surplus: OnceLock<Handle>,
}

/// A series of another library.
struct Forwarded {
    kind: Kind,
    key: Key,
    shape: Shape,
    handle: Handle,
}

#[derive(Clone)]
pub(crate) enum Handle {
    Counter(metrics::Counter),
    Gauge(metrics::Gauge),
    Histogram(metrics::Histogram),
}

/// The three kinds of handle that the facade gives out.
pub(crate) trait Instrument: Sized {
    const KIND: Kind;
    fn of(handle: &Handle) -> Option<&Self>;
    fn noop() -> Self;
    fn share(&self) -> Self;
}

macro_rules! instrument {
    ($kind:ident) => {
        impl Instrument for metrics::$kind {
            const KIND: Kind = Kind::$kind;

            fn of(handle: &Handle) -> Option<&Self> {
                match handle {
                    Handle::$kind(it) => Some(it),
                    _ => None,
                }
            }

            fn noop() -> Self {
                Self::noop()
            }

            fn share(&self) -> Self {
                self.clone()
            }
        }
    };
}

instrument!(Counter);
instrument!(Gauge);
instrument!(Histogram);

impl<R> Forward<R> {
    pub(crate) fn new(others: R, store: Arc<Store>) -> Self {
        Self {
            others,
            hashes: store.hashes.clone(),
            store,
            names: Table::for_entries(NAMES),
            series: Table::for_entries(OVERALL),
            no_more_names: AtomicBool::new(false),
            no_more_series: AtomicBool::new(false),
            book: Mutex::default(),
        }
    }

    /// The metric of this name; entered where it is new and there is room.
    fn name(&self, kind: Kind, raw: &str) -> Option<&Arc<Name>> {
        if raw.len() > NAME_BYTES {
            return None;
        }
        let hash = Seeded::both(self.hashes.text(raw), 0, kind as u64);
        let is_it = |it: &Name| it.kind == kind && *it.raw == *raw;
        if let Some(name) = self.names.find(hash, is_it) {
            return Some(name);
        }
        if self.no_more_names.load(Relaxed) {
            return None;
        }
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if self.names.find(hash, is_it).is_none() {
            self.enter(&mut book, kind, raw, hash);
        }
        self.names.find(hash, is_it)
    }

    fn enter(&self, book: &mut Book, kind: Kind, raw: &str, hash: u64) {
        if book.names >= NAMES {
            self.no_more_names.store(true, Relaxed);
            return;
        }
        let Some(wire) = book.claim(kind, raw) else { return };
        self.names.add(hash, &Arc::new(Name::new(kind, raw, wire)));
        book.names += 1;
        self.store.forwarded_names.store(book.names, Relaxed);
    }

    fn reject(&self) {
        self.store.events.count(Event::RejectedName);
    }

    fn hash(&self, kind: Kind, key: &Key) -> u64 {
        let label =
            |it: &Label| Seeded::both(self.hashes.text(it.key()), self.hashes.text(it.value()), 1);
        let labels = key.labels().map(label).fold(0, u64::wrapping_add);
        Seeded::both(self.hashes.text(key.name()), labels, kind as u64)
    }
}

impl<R: Recorder> Forward<R> {
    pub(crate) fn describe(
        &self,
        kind: Kind,
        raw: &KeyName,
        unit: Option<Unit>,
        text: SharedString,
    ) {
        let Some(name) = self.name(kind, raw.as_str()) else { return self.reject() };
        let wire = name.wire.clone();
        match kind {
            Kind::Counter => self.others.describe_counter(wire, unit, text),
            Kind::Histogram => self.others.describe_histogram(wire, unit, text),
            Kind::Gauge | Kind::Info => self.others.describe_gauge(wire, unit, text),
        }
    }

    /// The other recorder's instrument for the key, or for what it folds into.
    pub(crate) fn instrument<I: Instrument>(&self, key: &Key, metadata: &Metadata<'_>) -> I {
        let shape = Shape::of(key);
        if shape == Shape::Long {
            let (short, dropped) = wire::shortened(key);
            (0..dropped).for_each(|_| self.store.events.count(Event::DroppedTag));
            return self.instrument_of(&short, shape, metadata);
        }
        self.instrument_of(key, shape, metadata)
    }

    fn instrument_of<I: Instrument>(&self, key: &Key, shape: Shape, metadata: &Metadata<'_>) -> I {
        let hash = self.hash(I::KIND, key);
        let is_it = |it: &Forwarded| it.kind == I::KIND && it.shape == shape && it.key == *key;
        let handle = match self.series.find(hash, is_it) {
            Some(series) => Some(&series.handle),
            None => self.admit(I::KIND, key, shape, hash, metadata),
        };
        handle.and_then(I::of).map_or_else(I::noop, I::share)
    }

    #[cold]
    fn admit(
        &self,
        kind: Kind,
        key: &Key,
        shape: Shape,
        hash: u64,
        metadata: &Metadata<'_>,
    ) -> Option<&Handle> {
        let Some(name) = self.name(kind, key.name()) else {
            self.reject();
            return None;
        };
        let is_it = |it: &Forwarded| it.kind == kind && it.shape == shape && it.key == *key;
        if !name.full.load(Relaxed) && !self.no_more_series.load(Relaxed) {
            self.try_admit(name, key, shape, hash, metadata);
        }
        match self.series.find(hash, is_it) {
            Some(series) => Some(&series.handle),
            None => Some(self.surplus(name, metadata)),
        }
    }

    fn try_admit(&self, name: &Name, key: &Key, shape: Shape, hash: u64, metadata: &Metadata<'_>) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_name = name.series.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |it: &Forwarded| it.kind == name.kind && it.shape == shape && it.key == *key;
        if self.series.find(hash, is_it).is_some() {
            return;
        }
        // The place of each name's surplus is kept.
        if *of_name + 1 >= PER_NAME || book.series + NAMES >= OVERALL {
            name.full.store(*of_name + 1 >= PER_NAME, Relaxed);
            self.no_more_series.store(book.series + NAMES >= OVERALL, Relaxed);
            return;
        }
        let wire = Key::from_parts(name.wire.clone(), wire::labels(key));
        let handle = self.register(name.kind, &wire, metadata);
        let series = Forwarded { kind: name.kind, key: key.to_retained(), shape, handle };
        self.series.add(hash, &Arc::new(series));
        *of_name += 1;
        book.series += 1;
        self.store.forwarded_series.fetch_add(1, Relaxed);
    }

    fn surplus<'a>(&self, name: &'a Name, metadata: &Metadata<'_>) -> &'a Handle {
        name.surplus.get_or_init(|| {
            let labels = vec![Label::from_static_parts("overflow", "true")];
            self.store.forwarded_series.fetch_add(1, Relaxed);
            self.register(name.kind, &Key::from_parts(name.wire.clone(), labels), metadata)
        })
    }

    fn register(&self, kind: Kind, key: &Key, metadata: &Metadata<'_>) -> Handle {
        match kind {
            Kind::Counter => Handle::Counter(self.others.register_counter(key, metadata)),
            Kind::Histogram => Handle::Histogram(self.others.register_histogram(key, metadata)),
            Kind::Gauge | Kind::Info => Handle::Gauge(self.others.register_gauge(key, metadata)),
        }
    }
}

impl Name {
    fn new(kind: Kind, raw: &str, wire: String) -> Self {
        Self {
            kind,
            raw: raw.into(),
            wire: wire.into(),
            series: Mutex::new(0),
            full: AtomicBool::new(false),
            surplus: OnceLock::new(),
        }
    }
}

impl Book {
    /// A name on the page that no other metric has.
    fn claim(&mut self, kind: Kind, raw: &str) -> Option<String> {
        let plain = wire_name(raw);
        let kind_too = suffixed(&plain, &format!("{kind} {raw}"));
        let free = [plain, kind_too]
            .into_iter()
            .find(|it| page_names(kind, it).iter().all(|name| !self.claimed.contains(name)))?;
        self.claimed.extend(page_names(kind, &free));
        Some(free)
    }
}

/// The names under which samples of a metric stand on the page.
fn page_names(kind: Kind, name: &str) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        Kind::Histogram => &["", "_sum", "_count", "_bucket"],
        Kind::Counter | Kind::Gauge | Kind::Info => &[""],
    };
    suffixes.iter().map(|it| format!("{name}{it}")).collect()
}
