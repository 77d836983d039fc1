use std::fs;
use std::path::Path;

/// What the file system says of a tree without opening a file: which files there are,
/// which file each name leads to, how long it is and when it changed last. Two equal
/// signatures around a reading mean that nothing moved under it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Signature(Vec<(String, [i64; 6])>);

/// Folders of an installation.
const FOLDERS: [&str; 3] = ["", "overlays", "micro_overlays"];

impl Signature {
    /// The signature of the tree in `root`, and of the file `extra` beside it.
    pub(crate) fn of(root: &Path, extra: Option<&Path>) -> Self {
        let mut files = Vec::new();
        for folder in FOLDERS {
            let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
            for entry in entries.flatten() {
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                files.push((name, facts(&entry.path())));
            }
        }
        files.push((String::new(), facts(root)));
        files.extend(extra.map(|it| (it.to_string_lossy().into_owned(), facts(it))));
        files.sort_unstable();
        Self(files)
    }
}

/// Device, file number, length and the last change, to the nanosecond. The change time is
/// the system's own: nobody can set it back.
#[cfg(unix)]
fn facts(path: &Path) -> [i64; 6] {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).map_or([0; 6], |it| {
        let (dev, ino) = (it.dev().cast_signed(), it.ino().cast_signed());
        [1, dev, ino, it.size().cast_signed(), it.ctime(), it.ctime_nsec()]
    })
}

/// Length and modification time.
#[cfg(not(unix))]
fn facts(path: &Path) -> [i64; 6] {
    let modified = |it: &fs::Metadata| {
        let since = it.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    };
    fs::metadata(path).map_or([0; 6], |it| {
        let len = i64::try_from(it.len()).unwrap_or(i64::MAX);
        [1, 0, 0, len, modified(&it).unwrap_or(0), 0]
    })
}
