//! Orders of people about a rollout or a root.

mod control;
mod keep;
mod promotion;
mod recover;
mod rollback;

pub use self::control::{abort, pause, promote, resume};
pub use self::keep::{Verified, collect, pin, record_verdict, unpin, verify};
pub use self::promotion::{PromoteError, Promotion, accept, promotable};
pub use self::recover::{Recovered, recover};
pub use self::rollback::{Target, UnknownTarget, rollback};
