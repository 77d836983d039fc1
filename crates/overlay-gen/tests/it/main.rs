//! Integration tests of `overlay-gen`.

mod data;
mod design;
mod examples;
mod generate;
mod oracle;
mod property;
mod template;
