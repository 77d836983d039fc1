//! The examples of docs/operations/service.md, run as a reader runs them: one service, asked
//! from the top of the page to its end.

#![cfg(unix)]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect_file;

use crate::binary::{finish, folder, fusion, read, replace, run, write};
use crate::serve::Serving;

pub(crate) const CONFIGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/service.md");
/// Where the service of the page listens, and the root of its deployments.
const BASE: &str = "http://127.0.0.1:9630";
const ROOT: &str = "/srv/fusion";

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|it| it.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file")),
        }
    }
}

/// The session that the page shows.
struct Session {
    dir: tempfile::TempDir,
    serving: Serving,
    log: String,
}

impl Session {
    fn start(command: &str) -> Self {
        let dir = folder(&[("token", "s3cret\n")]);
        copy(Path::new(CONFIGS), &dir.path().join("configs"));
        let overlay = dir.path().join("configs/overlays/fusion_overlay.rollback_first.txt");
        write(&dir.path().join("next.txt"), read(&overlay));
        let deploy = ["deploy", "apply", "next.txt", "--root", "prod", "--from", "configs"];
        run(dir.path(), &deploy).ends_with(0);
        let words = command.strip_prefix("fusion ").expect("a command").split(' ');
        let mut command = fusion(dir.path());
        let serving = Serving::start(command.args(words).args(["--listen", "127.0.0.1:0"]));
        Self { dir, serving, log: String::new() }
    }

    fn flags(&self) -> PathBuf {
        self.dir.path().join("configs/overlay_feature_flags.yaml")
    }

    /// Saves the flag file, and waits for what the service says.
    fn save(&mut self, text: &str) {
        replace(&self.flags(), text);
        let line = self.serving.whole_line();
        self.log.push_str(&line);
    }

    /// What a command of the page prints.
    fn ran(&self, command: &str) -> String {
        let (command, filter) = command.split_once(" | ").unwrap_or((command, ""));
        let words = self.words(command);
        let text = match words[0].as_str() {
            "curl" => self.curl(&words[1..]),
            "fusion" => {
                let ran = finish(fusion(self.dir.path()).args(&words[1..]), b"");
                ran.stdout + &ran.stderr
            }
            other => panic!("`{other}` is no command of the page"),
        };
        let text = text.replace(&self.serving.base, BASE).replace("prod/", &format!("{ROOT}/"));
        let text = if text.ends_with('\n') { text } else { text + "\n" };
        if filter.is_empty() { text } else { piped(&self.words(filter), &text) }
    }

    /// The words of a command line, as a shell takes them.
    fn words(&self, line: &str) -> Vec<String> {
        let line = line.replace("$(cat token)", read(&self.dir.path().join("token")).trim());
        let line = line.replace(BASE, &self.serving.base).replace(ROOT, "prod");
        let (mut words, mut quote, mut in_word) = (Vec::new(), None, false);
        for char in line.chars() {
            match (char, quote) {
                (it, Some(open)) if it == open => quote = None,
                ('\'' | '"', None) => {
                    quote = Some(char);
                    if !in_word {
                        words.push(String::new());
                        in_word = true;
                    }
                }
                (it, None) if it.is_whitespace() => in_word = false,
                (it, _) => {
                    if !in_word {
                        words.push(String::new());
                        in_word = true;
                    }
                    words.last_mut().expect("a word").push(it);
                }
            }
        }
        words
    }

    fn curl(&self, words: &[String]) -> String {
        let (mut url, mut method, mut body, mut headers) = ("", "GET", None, Vec::new());
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "-s" => (),
                "-X" => method = words.next().expect("a method"),
                "-d" => body = words.next(),
                "-H" => {
                    let header = words.next().and_then(|it| it.split_once(": "));
                    headers.push(header.expect("a header"));
                }
                it => url = it,
            }
        }
        if method == "GET" && body.is_some() {
            method = "POST";
        }
        let request = ureq::http::Request::builder().method(method).uri(url);
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let answer = match body {
            Some(body) => agent.run(request.body(body.to_owned()).expect("a request")),
            None if method == "POST" => agent.run(request.body(String::new()).expect("a request")),
            None => agent.run(request.body(()).expect("a request")),
        };
        answer.expect("an answer").body_mut().read_to_string().expect("a text")
    }

    /// What is done between two examples, by the one that comes.
    fn before(&mut self, block: &str) {
        if block.contains("/readyz?verbose") {
            let text = read(&self.flags()) + "# reviewed\n";
            self.save(&text);
            self.save(&text.replacen("rollout_percentage: 100", "rollout_percentage: 140", 1));
        }
    }

    fn after(&mut self, block: &str) {
        if block.contains("/readyz?verbose") {
            let text = read(&self.flags());
            self.save(&text.replacen("rollout_percentage: 140", "rollout_percentage: 100", 1));
        }
    }

    /// The log to its end.
    fn stop(self) -> String {
        let ran = self.serving.stop("-TERM").ends_with(0);
        self.log + &ran.stderr
    }
}

fn piped(words: &[String], text: &str) -> String {
    let mut filter = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the filter runs");
    filter.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let mut res = String::new();
    filter.stdout.take().expect("a pipe").read_to_string(&mut res).expect("UTF-8");
    filter.wait().expect("it ends");
    res
}

/// The commands of a block, each on one line, with the text of it as it stands.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut res: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        let (line_goes_on, bare) = match line.strip_suffix('\\') {
            Some(bare) => (true, bare),
            None => (false, line),
        };
        if let Some(command) = bare.strip_prefix("$ ") {
            res.push((command.to_owned(), format!("{line}\n")));
            goes_on = line_goes_on;
        } else if goes_on {
            let (command, text) = res.last_mut().expect("a command that goes on");
            command.push_str(bare.trim_start());
            writeln!(text, "{line}").expect("memory");
            goes_on = line_goes_on;
        }
    }
    res
}

/// A text without what differs from run to run: times, digests.
fn settled(text: &str) -> String {
    let time = |line: &str| match line.split_at_checked(20) {
        Some((time, rest)) if time.starts_with("20") && time.ends_with('Z') => {
            format!("TIME{rest}")
        }
        _ => line.to_owned(),
    };
    let text: String = text.lines().map(|it| time(it) + "\n").collect();
    let mut res = String::new();
    for part in text.split_inclusive(|it: char| !it.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|it: char| !it.is_ascii_alphanumeric());
        let is_number = word.len() >= 10 && word.bytes().all(|it| it.is_ascii_digit());
        let is_digest = word.len() >= 12 && word.bytes().all(|it| it.is_ascii_hexdigit());
        res.push_str(if is_number || is_digest { "#" } else { word });
        res.push_str(part.strip_prefix(word).unwrap_or_default());
    }
    res
}

#[test]
fn the_examples_answer_as_the_page_says() {
    let page = read(Path::new(PAGE));
    let mut parts: Vec<String> = page.split("```").map(str::to_owned).collect();
    let (mut session, mut log_at, mut count) = (None, None, 0);
    for idx in (1..parts.len()).step_by(2) {
        let block = parts[idx].strip_prefix("console\n").expect("a session").to_owned();
        if block.contains("cargo xtask") {
            continue;
        }
        count += 1;
        let commands = commands(&block);
        if commands.is_empty() {
            log_at = Some(idx);
            continue;
        }
        let mut actual = String::new();
        for (command, text) in &commands {
            actual.push_str(text);
            if command.starts_with("fusion serve ") {
                session = Some(Session::start(command));
                writeln!(actual, "listening on {BASE}").expect("memory");
                continue;
            }
            let session: &mut Session = session.as_mut().expect("it serves");
            session.before(command);
            actual.push_str(&session.ran(command));
            session.after(command);
        }
        if settled(&actual) != settled(&block) {
            parts[idx] = format!("console\n{actual}");
        }
    }
    let log = session.expect("it serves").stop();
    let log_at = log_at.expect("the log of the session");
    let before = parts[log_at].strip_prefix("console\n").expect("a session");
    if settled(before) != settled(&log) {
        parts[log_at] = format!("console\n{log}");
    }
    assert_eq!(count, 10, "examples were found");
    expect_file![PAGE].assert_eq(&parts.join("```"));
}
