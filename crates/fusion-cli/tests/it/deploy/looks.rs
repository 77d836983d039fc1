//! Commands that only look leave a root as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{apply, deploy, deployed, edit, status};

/// Every file below `dir` with its bytes, and every folder.
fn all(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut res = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            res.extend(all(&path));
            res.insert(path, Vec::new());
        } else {
            let bytes = fs::read(&path).expect("a file");
            res.insert(path, bytes);
        }
    }
    res
}

#[test]
fn a_root_is_left_as_it_is_by_those_who_look() {
    let dir = deployed();
    let id = status(dir.path())["deployment"].as_str().expect("an id").to_owned();
    let sample = ["sample", "--arm", "control", "--duration", "1ms", "--deployment", &id];
    deploy(dir.path(), &sample).ends_with(0);
    apply(dir.path(), "0.65");
    edit(dir.path(), "0.7");
    let root = dir.path().join("prod");
    let before = all(&root);
    assert!(before.contains_key(&root.join("db/perf.sqlite")));
    let looks: [(&[&str], i32); 7] = [
        (&["plan", "refund.txt"], 2),
        (&["plan", "refund.txt", "--mode", "staged"], 2),
        (&["status"], 0),
        (&["list"], 0),
        (&["show"], 0),
        (&["diff"], 2),
        (&["verify", "--all"], 0),
    ];
    for (args, code) in looks {
        deploy(dir.path(), args).ends_with(code);
        let after = all(&root);
        let new: Vec<_> = after.keys().filter(|it| !before.contains_key(*it)).collect();
        assert!(new.is_empty(), "{args:?} makes {new:?}");
        assert!(after == before, "{args:?} changes something");
    }
}
