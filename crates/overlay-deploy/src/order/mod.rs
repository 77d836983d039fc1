//! Orders of people about a rollout or a root.

mod control;
mod due;
mod keep;
mod lost;
mod promotion;
mod rebuild;
mod recover;
mod rollback;
mod verify;

pub use self::control::{abort, pause, promote, resume};
pub(crate) use self::due::Due;
pub use self::keep::{collect, note_other_environment, pin, record_verdict, unpin};
pub use self::lost::generation_of;
pub use self::promotion::{PromoteError, Promotion, accept, promotable};
pub(crate) use self::rebuild::rebuilt;
pub use self::rebuild::{rebuild, rebuild_unproven};
pub use self::recover::{Recovered, recover};
pub(crate) use self::rollback::{Proof, Way, put_back};
pub use self::rollback::{Target, UnknownTarget, rollback, rollback_unproven, take_back};
pub(crate) use self::verify::lost_rollout;
pub use self::verify::{Verified, verify, verify_rollouts};
