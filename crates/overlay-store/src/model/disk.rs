use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use crate::vfs::Kind;

/// The number of the root.
pub(super) const ROOT: usize = 0;

/// A file or a directory, as it is seen and as it is on the disk.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File { seen: Bytes, durable: Bytes },
    Directory { seen: BTreeMap<String, usize>, durable: BTreeMap<String, usize> },
}

/// What a file holds, with a number that tells it from anything else.
#[derive(Clone, Debug, Default)]
pub(super) struct Bytes {
    bytes: Arc<[u8]>,
    number: u64,
}

impl Bytes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self { bytes: bytes.into(), number: hasher.finish() }
    }

    pub(super) fn get(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

/// Names that change together, durable when `home` is synced.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) home: usize,
    pub(super) effects: Vec<Effect>,
}

/// A name that comes to stand for something, or for nothing.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) dir: usize,
    pub(super) name: String,
    pub(super) to: Option<usize>,
}

/// Everything there is, and the changes of names that are not durable, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    /// By number; shared with the states before and after, as most of it is equal.
    pub(super) nodes: Vec<Option<Arc<Node>>>,
    pub(super) pending: Vec<Arc<Change>>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let root = Node::Directory { seen: BTreeMap::new(), durable: BTreeMap::new() };
        Self { nodes: vec![Some(Arc::new(root))], pending: Vec::new() }
    }

    /// Where `path` leads.
    pub(super) fn find(&self, path: &str) -> io::Result<usize> {
        let names = path.split('/').filter(|_| !path.is_empty());
        names.into_iter().try_fold(ROOT, |dir, name| {
            self.names(dir)?.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    /// The directory that holds `path`, and the name in it.
    pub(super) fn parent<'a>(&self, path: &'a str) -> io::Result<(usize, &'a str)> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if matches!(name, "" | "." | "..") {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let dir = self.find(dir)?;
        self.names(dir).map(|_| (dir, name))
    }

    fn node(&self, id: usize) -> Option<&Node> {
        self.nodes.get(id)?.as_deref()
    }

    /// The node to change; the states before keep it as it was.
    pub(super) fn node_mut(&mut self, id: usize) -> Option<&mut Node> {
        self.nodes.get_mut(id)?.as_mut().map(Arc::make_mut)
    }

    pub(super) fn names(&self, dir: usize) -> io::Result<&BTreeMap<String, usize>> {
        match self.node(dir) {
            Some(Node::Directory { seen, .. }) => Ok(seen),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn bytes(&self, path: &str) -> io::Result<&[u8]> {
        match self.node(self.find(path)?) {
            Some(Node::File { seen, .. }) => Ok(seen.get()),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn kind(&self, node: usize) -> Kind {
        match self.node(node) {
            Some(Node::Directory { .. }) => Kind::Directory,
            _ => Kind::File,
        }
    }

    /// All files below a directory, by path.
    pub(super) fn files(&self, dir: usize, prefix: &str, to: &mut Vec<(String, Vec<u8>)>) {
        for (name, node) in self.names(dir).into_iter().flatten() {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            match self.node(*node) {
                Some(Node::File { seen, .. }) => to.push((path, seen.get().to_vec())),
                _ => self.files(*node, &path, to),
            }
        }
    }

    /// Makes something new under a name that is free.
    pub(super) fn make(&mut self, path: &str, node: Node) -> io::Result<usize> {
        let (dir, name) = self.parent(path)?;
        if self.names(dir)?.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.nodes.len();
        self.nodes.push(Some(Arc::new(node)));
        self.change(dir, vec![Effect { dir, name: name.to_owned(), to: Some(id) }]);
        Ok(id)
    }

    pub(super) fn set_bytes(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        let id = self.find(path)?;
        match self.node_mut(id) {
            Some(Node::File { seen, .. }) => *seen = bytes,
            _ => return Err(io::ErrorKind::IsADirectory.into()),
        }
        Ok(())
    }

    /// A rename across directories is two changes; of a directory the second implies the
    /// first, since nothing can be reached by two names.
    pub(super) fn rename(&mut self, from: &str, to: &str, replace: bool) -> io::Result<()> {
        let node = self.find(from)?;
        let ((from_dir, from), (to_dir, to)) = (self.parent(from)?, self.parent(to)?);
        let taken = self.names(to_dir)?.get(to).copied();
        let directories = self.kind(node) == Kind::Directory
            || taken.map(|it| self.kind(it)) == Some(Kind::Directory);
        if taken.is_some() && (!replace || directories) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let gone = Effect { dir: from_dir, name: from.to_owned(), to: None };
        let there = Effect { dir: to_dir, name: to.to_owned(), to: Some(node) };
        if from_dir == to_dir {
            self.change(from_dir, vec![gone, there]);
        } else if directories {
            self.change(from_dir, vec![gone.clone()]);
            self.change(to_dir, vec![gone, there]);
        } else {
            self.change(from_dir, vec![gone]);
            self.change(to_dir, vec![there]);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str, kind: Kind) -> io::Result<()> {
        let node = self.find(path)?;
        let (dir, name) = self.parent(path)?;
        match self.node(node) {
            Some(Node::Directory { seen, .. }) if kind == Kind::Directory => {
                if !seen.is_empty() {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
            }
            Some(Node::File { .. }) if kind == Kind::File => {}
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        self.change(dir, vec![Effect { dir, name: name.to_owned(), to: None }]);
        Ok(())
    }

    fn change(&mut self, home: usize, effects: Vec<Effect>) {
        for effect in &effects {
            if let Some(Node::Directory { seen, .. }) = self.node_mut(effect.dir) {
                effect.apply(seen);
            }
        }
        self.pending.push(Arc::new(Change { home, effects }));
    }

    /// Makes the bytes of a file durable; whether there was something to do.
    pub(super) fn sync_file(&mut self, path: &str) -> io::Result<bool> {
        let id = self.find(path)?;
        let Some(Node::File { seen, durable }) = self.node_mut(id) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let dirty = seen != durable;
        durable.clone_from(seen);
        Ok(dirty)
    }

    /// Makes the names of a directory durable; whether there was something to do.
    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<bool> {
        let dir = self.find(path)?;
        self.names(dir)?;
        let before = self.pending.len();
        let mut left: Vec<Arc<Change>> = Vec::new();
        for change in std::mem::take(&mut self.pending) {
            if change.home != dir {
                left.push(change);
                continue;
            }
            // A directory that has this name for good does not get an older one back.
            let moved: Vec<usize> = change.effects.iter().filter_map(|it| it.to).collect();
            let is_directory = |id: &usize| self.kind(*id) == Kind::Directory;
            let is_old =
                |it: &Effect| it.to.is_some_and(|to| moved.contains(&to) && is_directory(&to));
            left.retain(|it| !it.effects.iter().any(is_old));
            self.make_durable(&change);
        }
        self.pending = left;
        Ok(before != self.pending.len())
    }

    /// Lets a change have reached the disk that was on its way. A directory that so gets a
    /// name loses the one it had.
    pub(super) fn keep(&mut self, change: &Change) {
        for id in change.effects.iter().filter_map(|it| it.to) {
            if self.kind(id) == Kind::Directory {
                self.unname(id);
            }
        }
        self.make_durable(change);
    }

    fn unname(&mut self, id: usize) {
        let named = |it: &Arc<Node>| match it.as_ref() {
            Node::Directory { durable, .. } => durable.values().any(|it| *it == id),
            Node::File { .. } => false,
        };
        for node in self.nodes.iter_mut().flatten().filter(|it| named(it)) {
            if let Node::Directory { durable, .. } = Arc::make_mut(node) {
                durable.retain(|_, it| *it != id);
            }
        }
    }

    fn make_durable(&mut self, change: &Change) {
        for effect in &change.effects {
            if let Some(Node::Directory { durable, .. }) = self.node_mut(effect.dir) {
                effect.apply(durable);
            }
        }
    }

    /// What is left where nothing is in memory any more.
    pub(super) fn restarted(&self) -> Self {
        let mut res = Self { nodes: vec![None; self.nodes.len()], pending: Vec::new() };
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            let node = self.nodes.get(id).and_then(Option::as_ref);
            let (Some(node), Some(left)) = (node, res.nodes.get_mut(id)) else { continue };
            if let Node::Directory { durable, .. } = node.as_ref() {
                open.extend(durable.values());
            }
            *left = Some(node.restarted());
        }
        res
    }

    /// A number for the names and bytes that are seen.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_below(ROOT, &mut hasher);
        hasher.finish()
    }

    fn hash_below(&self, id: usize, to: &mut DefaultHasher) {
        match self.node(id) {
            Some(Node::File { seen, .. }) => seen.number.hash(to),
            Some(Node::Directory { seen, .. }) => {
                seen.len().hash(to);
                for (name, id) in seen {
                    name.hash(to);
                    self.hash_below(*id, to);
                }
            }
            None => {}
        }
    }
}

impl Node {
    /// What is seen of it where only the disk is left.
    fn restarted(self: &Arc<Self>) -> Arc<Self> {
        match self.as_ref() {
            Self::File { seen, durable } if seen != durable => {
                Arc::new(Self::File { seen: durable.clone(), durable: durable.clone() })
            }
            Self::Directory { seen, durable } if seen != durable => {
                Arc::new(Self::Directory { seen: durable.clone(), durable: durable.clone() })
            }
            _ => self.clone(),
        }
    }
}

impl Effect {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self.to {
            Some(id) => drop(names.insert(self.name.clone(), id)),
            None => drop(names.remove(&self.name)),
        }
    }
}
