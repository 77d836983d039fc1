//! The folders and the disk.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Scene;
use super::outcome::{Found, Outcome};

/// The folders of a deployment root that are written to.
const WRITTEN: [&str; 7] = ["", "gen", "pins", "rollouts", "audit", "db", "tmp"];
/// A megabyte, as figures in MB mean it.
const MB: u64 = 1 << 20;

pub(super) fn permissions(scene: &Scene<'_>) -> Outcome {
    let mut found = Vec::new();
    if let Some(root) = scene.inputs.root {
        for name in WRITTEN {
            let path = if name.is_empty() { root.to_owned() } else { root.join(name) };
            // A root that nothing was deployed to has only itself.
            if name.is_empty() || path.exists() {
                writable(&path, scene.inputs.host.user, &mut found);
                found.extend(mounted(root, &path));
            }
        }
    }
    if let Some(configs) = scene.inputs.configs
        && let Err(err) = access(configs, Access::READ_OK | Access::EXEC_OK)
    {
        let text = format!("{} cannot be read: {err}", configs.display());
        found.push(Found::fail(text).hint("give this user the right to read it"));
    }
    let fine = match (scene.inputs.root, scene.inputs.configs) {
        (Some(_), _) => "the root can be read and written, and belongs to this user",
        (None, Some(_)) => "the installation can be read",
        (None, None) => return Outcome::skip("no folder is named"),
    };
    Outcome::of(found, fine)
}

/// Whether `path` can be written to by its owner alone, who is `user`.
fn writable(path: &Path, user: u32, found: &mut Vec<Found>) {
    let shown = path.display();
    let meta = match path.metadata() {
        Ok(meta) if meta.is_dir() => meta,
        Ok(_) => return found.push(Found::fail(format!("{shown} is no folder"))),
        Err(err) => {
            let text = format!("{shown} cannot be opened: {err}");
            return found.push(Found::fail(text).hint("name the deployment root with --root DIR"));
        }
    };
    if meta.uid() != user {
        let text = format!("{shown} belongs to user {}, this is user {user}", meta.uid());
        found.push(Found::fail(text).hint(format!("chown -R {user} {shown}, or run as its owner")));
    }
    for (right, what) in
        [(Access::READ_OK | Access::EXEC_OK, "read"), (Access::WRITE_OK, "written to")]
    {
        if let Err(err) = access(path, right) {
            let text = format!("{shown} cannot be {what}: {err}");
            found.push(
                Found::fail(text)
                    .hint(format!("chmod u+rwx {shown}; a read-only mount cannot be deployed to")),
            );
        }
    }
    if meta.permissions().mode() & 0o002 != 0 {
        let text = format!("everybody may write to {shown}");
        found.push(Found::warn(text).hint(format!("chmod o-w {shown}")));
    }
}

/// A folder of a root on another file system than the root: files are written to one folder
/// and renamed into another, which works on one file system only.
fn mounted(root: &Path, folder: &Path) -> Option<Found> {
    let (of_root, of_folder) = (root.metadata().ok()?, folder.metadata().ok()?);
    (of_root.dev() != of_folder.dev()).then(|| {
        let (root, folder) = (root.display(), folder.display());
        let text = format!("{folder} is on another file system than {root}");
        Found::fail(text)
            .hint(format!("unmount {folder}, and give {root} as a whole the other one"))
    })
}

pub(super) fn disk(scene: &Scene<'_>) -> Outcome {
    let Some(path) = scene.inputs.root.or(scene.inputs.configs) else {
        return Outcome::skip("no folder is named");
    };
    let room = match statvfs(path) {
        Ok(room) => room,
        Err(err) => {
            let text = format!("{}: {err}", path.display());
            return Found::fail(text).hint("name a folder that is there").into();
        }
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize) / MB;
    let least = scene.options.count("doctor", "disk_free_mb");
    let hint =
        "make room, or lower doctor.disk_free_mb; `fusion deploy gc` removes old generations";
    let mut found = Vec::new();
    if free < least {
        let text = format!("{free} MB are free, at least {least} MB are wanted");
        found.push(Found::fail(text).hint(hint));
    } else if free / 2 < least {
        let text = format!("{free} MB are free, less than twice the {least} MB that are wanted");
        found.push(Found::warn(text).hint(hint));
    }
    // Some file systems count no files at all.
    if room.f_files > 0 && room.f_favail == 0 {
        found.push(Found::fail("no more files can be made on the disk").hint(hint));
    }
    Outcome::of(found, format!("{free} MB are free"))
}
