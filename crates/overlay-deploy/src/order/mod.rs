//! Orders of people about a rollout or a root.

mod control;
mod keep;
mod promotion;
mod rebuild;
mod recover;
mod rollback;
mod verify;

pub use self::control::{abort, pause, promote, resume};
pub use self::keep::{collect, note_other_environment, pin, record_verdict, unpin};
pub use self::promotion::{PromoteError, Promotion, accept, promotable};
pub use self::rebuild::rebuild;
pub use self::recover::{Recovered, recover};
pub use self::rollback::{Target, UnknownTarget, rollback};
pub use self::verify::{Verified, verify, verify_rollouts};
