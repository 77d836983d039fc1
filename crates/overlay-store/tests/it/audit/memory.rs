use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use overlay_store::vfs::{Held, Kind, Vfs};

/// Files in memory; the operation that changes something for the `fail`th time fails, an
/// append after half of its bytes.
#[derive(Default)]
pub(super) struct Memory(Mutex<State>);

#[derive(Clone, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    fail: Option<usize>,
}

impl Memory {
    pub(super) fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(Mutex::new(State { files: files.into_iter().collect(), fail: None }))
    }

    pub(super) fn copy(&self) -> Self {
        Self(Mutex::new(self.0.lock().unwrap().clone()))
    }

    pub(super) fn fail_after(&self, operations: usize) {
        self.0.lock().unwrap().fail = Some(operations);
    }

    /// Whether the failure came.
    pub(super) fn mend(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        let failed = state.fail == Some(0);
        state.fail = None;
        failed
    }

    pub(super) fn bytes(&self, path: &str) -> Vec<u8> {
        self.0.lock().unwrap().files[path].clone()
    }

    pub(super) fn set(&self, path: &str, bytes: Vec<u8>) {
        self.0.lock().unwrap().files.insert(path.to_owned(), bytes);
    }

    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap().files.clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock().unwrap();
        let fails = state.fail == Some(1);
        let left = state.fail.map(|it| it.saturating_sub(1));
        if state.fail == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.fail = left;
        let res = change(&mut state, fails);
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { res }
    }
}

fn missing<T>(file: Option<T>) -> io::Result<T> {
    file.ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl Vfs for Memory {
    fn read(&self, path: &str, max: u64) -> io::Result<Vec<u8>> {
        let bytes = missing(self.0.lock().unwrap().files.get(path).cloned())?;
        if bytes.len() as u64 > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<(String, Kind)>> {
        let state = self.0.lock().unwrap();
        let names = state.files.keys().filter_map(|it| it.strip_prefix(dir)?.strip_prefix('/'));
        Ok(names.map(|it| (it.to_owned(), Kind::File)).collect())
    }

    fn read_tree(&self, _: &str, _: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn write_new(&self, path: &str, bytes: &[u8], _: u32) -> io::Result<()> {
        self.change(|state, fails| {
            if state.files.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let len = if fails { bytes.len() / 2 } else { bytes.len() };
            state.files.insert(path.to_owned(), bytes[..len].to_vec());
            Ok(())
        })
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|state, fails| {
            let len = if fails { bytes.len() / 2 } else { bytes.len() };
            state.files.entry(path.to_owned()).or_default().extend_from_slice(&bytes[..len]);
            Ok(())
        })
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        self.change(|state, _| {
            missing(state.files.get_mut(path))?.resize(usize::try_from(len).unwrap(), 0);
            Ok(())
        })
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        self.change(|state, _| missing(state.files.get(path)).map(|_| ()))
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        self.change(|_, _| Ok(()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state, fails| {
            if !fails {
                let bytes = missing(state.files.remove(from))?;
                state.files.insert(to.to_owned(), bytes);
            }
            Ok(())
        })
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename(from, to)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        missing(self.0.lock().unwrap().files.remove(path)).map(|_| ())
    }

    fn remove_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &str) -> io::Result<Option<Held>> {
        Ok(Some(Held::new(())))
    }

    fn lease(&self, _: &str) -> io::Result<Option<Held>> {
        Ok(Some(Held::new(())))
    }

    fn lock_present(&self, _: &str) -> io::Result<Option<Held>> {
        Ok(Some(Held::new(())))
    }

    fn note(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn check_owner(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}
