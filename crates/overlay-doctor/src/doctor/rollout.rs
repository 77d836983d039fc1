//! The rollout that is under way.

use overlay_store::Phase;

use super::Scene;
use super::outcome::{Found, Outcome};
use crate::live::{LEFT_ALONE, left_alone};

pub(super) fn rollout(scene: &Scene<'_>) -> Outcome {
    let (Some(Ok(store)), Some(Ok(Some((pointer, _))))) = (&scene.site.store, &scene.site.live)
    else {
        return Outcome::skip("nothing is live that could be replaced");
    };
    match pointer.phase {
        Phase::Stable => Outcome::ok("none is under way"),
        Phase::Frozen => Found::fail("it is frozen: no generation is good")
            .hint("`fusion deploy rollback --to` returns to a generation that loads")
            .into(),
        Phase::Paused => Found::warn("it waits for a person")
            .hint("`fusion deploy resume`, `promote` or `abort`")
            .into(),
        _ => match left_alone(store, pointer) {
            Some(why) => Found::warn(why).hint(LEFT_ALONE).into(),
            None => Outcome::ok("one is under way, and driven"),
        },
    }
}
