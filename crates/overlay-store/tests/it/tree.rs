use overlay_store::{PathFault, Tree, TreeError};
use proptest::prelude::*;

#[track_caller]
fn check(path: &str, expect: Result<(), PathFault>) {
    let mut tree = Tree::new();
    tree.insert("a/file", "").unwrap();
    assert_eq!(tree.insert(path, "x").map_err(|err| err.what), expect, "{path:?}");
    assert_eq!(tree.get(path).is_some(), expect.is_ok());
}

#[test]
fn paths_stay_inside() {
    check("overlays/refund.txt", Ok(()));
    check(".hidden", Ok(()));
    check("ä/ö", Ok(()));
    check("a/file", Ok(()));
    check("", Err(PathFault::EmptyName));
    check("/etc/passwd", Err(PathFault::EmptyName));
    check("a//b", Err(PathFault::EmptyName));
    check("a/", Err(PathFault::EmptyName));
    check("..", Err(PathFault::LeadsOutside));
    check("a/../../b", Err(PathFault::LeadsOutside));
    check("./a", Err(PathFault::LeadsOutside));
    check("a\nb", Err(PathFault::ForbiddenCharacter));
    check("a\0", Err(PathFault::ForbiddenCharacter));
    check("a\\b", Err(PathFault::ForbiddenCharacter));
    check(&"n".repeat(256), Err(PathFault::TooLong));
    check(&"n/".repeat(600), Err(PathFault::TooLong));
    check("a", Err(PathFault::FileAndDirectory));
    check("a/file/below", Err(PathFault::FileAndDirectory));
}

#[test]
fn a_message_shows_the_path_harmless() {
    let err = Tree::new().insert("x\n/evil", "").unwrap_err();
    assert_eq!(err.to_string(), "`x\\n/evil` has a control character or a backslash");
}

#[test]
fn a_folder_becomes_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("overlays/deep")).unwrap();
    std::fs::write(dir.path().join("overlays/deep/a.txt"), "A").unwrap();
    std::fs::write(dir.path().join("b.toml"), "B").unwrap();
    let tree = Tree::read_dir(dir.path()).unwrap();
    let files: Vec<_> = tree.iter().collect();
    assert_eq!(files, [("b.toml", &b"B"[..]), ("overlays/deep/a.txt", b"A")]);

    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
    let Err(TreeError::Io { source, .. }) = Tree::read_dir(dir.path()) else { panic!() };
    assert_eq!(source.to_string(), "link is no plain file or directory");
}

proptest! {
    #[test]
    fn a_digest_knows_paths_and_bytes_and_no_order(
        files in prop::collection::btree_map("[a-c]{1,2}", ".{0,4}", 0..5),
        other in prop::collection::btree_map("[a-c]{1,2}", ".{0,4}", 0..5),
    ) {
        let mut forward = Tree::new();
        files.iter().for_each(|(path, bytes)| forward.insert(path, bytes.as_bytes()).unwrap());
        let mut backward = Tree::new();
        backward.insert("gone", "gone").unwrap();
        for (path, bytes) in files.iter().rev() {
            backward.insert(path, "before").unwrap();
            backward.insert(path, bytes.as_bytes()).unwrap();
        }
        backward.remove("gone").unwrap();
        prop_assert_eq!(forward.digest(), backward.digest());

        let mut different = Tree::new();
        other.iter().for_each(|(path, bytes)| different.insert(path, bytes.as_bytes()).unwrap());
        prop_assert_eq!(forward.digest() == different.digest(), files == other);
    }
}
