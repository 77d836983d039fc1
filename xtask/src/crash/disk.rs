use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::root::run;

/// The programs, and the packages that have them.
pub(super) const NEEDED: &[(&str, &str)] = &[
    super::strace::NEEDED,
    ("unshare", "util-linux"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("xfs_io", "xfsprogs"),
];

/// Enough for the smallest xfs; what is not written takes no room.
const IMAGE_BYTES: u64 = 320 << 20;

/// A kind of file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    make: &'static [&'static str],
    options: &'static str,
}

/// ext4 as it is by default hides what is missing; with `writeback` it does not.
pub(super) const KINDS: [Kind; 3] = [
    Kind { name: "ext4", make: &["mkfs.ext4", "-q", "-F"], options: "loop" },
    Kind {
        name: "ext4 writeback",
        make: &["mkfs.ext4", "-q", "-F"],
        options: "loop,data=writeback,noauto_da_alloc",
    },
    Kind { name: "xfs", make: &["mkfs.xfs", "-q", "-f"], options: "loop" },
];

/// What becomes of the end of the journal when the power fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Journal {
    /// It was not written yet.
    Lost,
    /// It was: names are there whose files are not.
    Written,
}

impl Journal {
    pub(super) const ALL: [Self; 2] = [Self::Lost, Self::Written];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lost => "journal lost",
            Self::Written => "journal written",
        }
    }
}

/// Memory for the images. Only this process and those it starts see it.
pub(super) fn memory(dir: &Path) -> anyhow::Result<()> {
    create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    run(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(dir))
}

/// A file system in a file.
pub(super) struct Disk {
    kind: Kind,
    image: PathBuf,
    /// Where it is mounted.
    pub(super) dir: PathBuf,
}

impl Disk {
    /// Makes one in `memory` and mounts it.
    pub(super) fn new(kind: Kind, memory: &Path) -> anyhow::Result<Self> {
        let name = kind.name.replace(' ', "-");
        let disk = Self { kind, image: memory.join(format!("{name}.img")), dir: memory.join(name) };
        create_dir_all(&disk.dir).context("making a folder")?;
        File::create(&disk.image)?.set_len(IMAGE_BYTES).context("making an image")?;
        let mut words = kind.make.iter();
        let mut make = Command::new(words.next().copied().unwrap_or_default());
        run(make.args(words).arg(&disk.image))?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> anyhow::Result<()> {
        let Kind { options, .. } = self.kind;
        run(Command::new("mount").args(["-o", options]).arg(&self.image).arg(&self.dir))
    }

    /// Makes all of it durable.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        run(Command::new("sync").arg("-f").arg(&self.dir))
    }

    /// What is only in memory never reaches the image from here on.
    pub(super) fn cut(&self, journal: Journal) -> anyhow::Result<()> {
        let how = match journal {
            Journal::Lost => "shutdown",
            Journal::Written => "shutdown -f",
        };
        run(Command::new("xfs_io").args(["-x", "-c", how]).arg(&self.dir))
    }

    /// The power is back: the journal is replayed.
    pub(super) fn back(&self) -> anyhow::Result<()> {
        run(Command::new("umount").arg(&self.dir))?;
        self.mount()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is left goes with the process.
        let _ = run(Command::new("umount").arg(&self.dir));
        let _ = std::fs::remove_file(&self.image);
    }
}
