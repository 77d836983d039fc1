use crate::audit;
use crate::commitment;
use crate::error::StoreError;
use crate::holder::{Holder, LockError};
use crate::layout;
use crate::recovery::{Recovered, Recovery, Repairs};
use crate::store::{Store, damaged};
use crate::vfs::Vfs;
use crate::writer::Writer;

impl<F: Vfs> Store<F> {
    /// Takes the lock of a root whose pointer is damaged, missing, or was replaced by an
    /// older one. The whole audit log is verified; the writer then has as its pointer what
    /// the log says was in force last, above every epoch the log speaks of, and
    /// [`Writer::switch`] writes it anew. The generations are not looked at.
    ///
    /// Nothing is rebuilt here: a pointer that is as it was written is left out of account.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] where another holds it, [`StoreError::Audit`] for a log that was
    /// tampered with, [`StoreError::Damaged`] for one that names nothing in force.
    pub fn lock_without_pointer(&self, holder: &Holder) -> Result<Writer<'_, F>, LockError> {
        let lock = self.take(holder)?;
        Ok(self.writer(lock, self.of_the_log(holder)?))
    }

    fn of_the_log(&self, holder: &Holder) -> Result<Recovered, StoreError> {
        self.lay_out()?;
        // Before the end is put in order: that an edit of it is made good is no reason to
        // build on this log.
        self.audit().verify(None)?;
        let (head, tail) = audit::recover(&self.fs, None)?;
        let mut log = Repairs { store: self, holder, head };
        let settled = log.end(false)?;
        let cleared = log.tidy(tail)?;
        let (epoch, last) = commitment::last(self)?;
        let change = last.and_then(|it| it.change);
        let unknown = || damaged(layout::CURRENT, "no audit record says what was in force");
        let pointer = change.ok_or_else(unknown)?.pointer(epoch, log.head);
        let recovery = Recovery { cleared, tail, settled, ..Recovery::default() };
        Ok(Recovered { pointer: Some(pointer), head: log.head, recovery })
    }
}
