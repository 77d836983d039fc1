//! A new migration is part of the build as soon as it is written.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
