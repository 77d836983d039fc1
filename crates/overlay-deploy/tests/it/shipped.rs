//! The installation of this repository, deployed.

use std::path::Path;
use std::time::Instant;

use overlay_deploy::{
    Base, Mode, NamedFile, Outcome, OverlayFile, Request, execute, plan, rules_of,
};
use overlay_store::Tree;

use crate::world::{World, harmful};

fn shipped() -> Tree {
    Tree::read_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")).unwrap()
}

/// The installation in force, for development.
fn installed() -> World {
    let world = World::new("development");
    let tree = shipped();
    let (rules, findings) = rules_of(&tree);
    assert_eq!(findings, []);
    let base = Base { pointer: None, tree };
    let (planned, findings) = plan(&base, &world.request(), &rules);
    let planned = planned.unwrap_or_else(|| panic!("{findings:?}"));
    let id = world.id();
    let began = Instant::now();
    let applied = world.act(|root| execute(root, &planned, &id)).unwrap();
    println!("the shipped installation was deployed in {:.1?}", began.elapsed());
    assert_eq!(applied.outcome, Outcome::Deployed, "{:?}", applied.reasons);
    world
}

/// The overlay `rollback_first` as it is shipped, with another trust floor.
fn edited(world: &World) -> Request {
    let tree = shipped();
    let text = |path: &str| String::from_utf8(tree.get(path).unwrap().to_vec()).unwrap();
    let name = "fusion_overlay.rollback_first.txt";
    let overlay = text(&format!("overlays/{name}"));
    let floor = overlay.lines().find(|it| it.starts_with("TRUST_FLOOR")).unwrap();
    let overlay = overlay.replace(floor, "TRUST_FLOOR=0.41");
    let micro = text("micro_overlays/rollback_first.md");
    let file = |name: &str, text: String| NamedFile { name: name.to_owned(), bytes: text.into() };
    let overlays = vec![OverlayFile {
        file: file(name, overlay),
        micro: Some(file("rollback_first.md", micro)),
    }];
    Request { overlays, ..world.request() }
}

#[test]
fn a_shipped_overlay_is_edited_and_deployed() {
    let world = installed();
    let planned = world.planned(&edited(&world));
    assert_eq!(planned.plan.changes.len(), 1, "{}", planned.plan);
    assert_eq!(planned.plan.changes[0].keys[0].key, "TRUST_FLOOR");
    let began = Instant::now();
    assert_eq!(world.execute(&planned).unwrap().outcome, Outcome::Deployed);
    println!("one overlay was deployed in {:.1?}", began.elapsed());
}

#[test]
fn a_breaking_candidate_takes_itself_back() {
    let world = installed();
    let before = world.base().tree;
    world.see(|_| Ok(harmful()));
    let request = Request { mode: Some(Mode::Staged), ..edited(&world) };
    let applied = world.execute(&world.planned(&request)).unwrap();
    assert_eq!(applied.outcome.exit_code(), 6);
    assert_eq!(world.base().tree, before);
}

#[test]
fn production_asks_for_a_golden_verdict_and_for_staging() {
    let mut world = installed();
    world.environment = "production".parse().unwrap();
    let applied = world.execute(&world.planned(&edited(&world))).unwrap();
    assert_eq!(applied.outcome, Outcome::Refused);
    let missing: Vec<&str> =
        applied.reasons.iter().filter_map(|it| it.split_whitespace().next()).collect();
    assert_eq!(missing, ["promoted", "golden"]);
}
