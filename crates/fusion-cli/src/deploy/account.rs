use std::fs;

use crate::environment::Environment;

/// Who runs this process, by the system.
pub(super) struct Account {
    /// The name of the account, or `uid <number>` where it has none here.
    pub(super) name: String,
    pub(super) uid: Option<u32>,
    /// What `USER` says, where that is another name. Anybody may set it, so it is no name to
    /// rely on.
    pub(super) user: Option<String>,
}

impl Account {
    pub(super) fn of(environment: &Environment) -> Self {
        let said = environment.get("USER").or_else(|| environment.get("USERNAME"));
        let Some(uid) = uid() else {
            let name = said.unwrap_or("unknown").to_owned();
            return Self { name, uid: None, user: None };
        };
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = name_of(&passwd, uid).map_or_else(|| format!("uid {uid}"), str::to_owned);
        let user = said.filter(|it| *it != name).map(str::to_owned);
        Self { name, uid: Some(uid), user }
    }
}

#[cfg(unix)]
fn uid() -> Option<u32> {
    Some(rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

/// The name of an account, by the lines of `/etc/passwd`.
fn name_of(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_name_of_its_number() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\n# none\nmara:x:1000:1000::/home/mara:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000), Some("mara"));
        assert_eq!(name_of(passwd, 0), Some("root"));
        assert_eq!(name_of(passwd, 7), None);
    }
}
