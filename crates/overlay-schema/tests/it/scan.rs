//! Secrets and personal data: what is found, and what is let alone.

use expect_test::{Expect, expect};
use overlay_schema::{EMBEDDED_OVERLAY, PiiDetection, Profile, redact, scan_prompt, secret_spans};

use crate::{checked, lines, with_lines};

/// A secret, put together here so that no scanner stops at this file.
fn token(prefix: &str, body: &str) -> String {
    format!("{prefix}{body}")
}

#[test]
fn secrets_are_found() {
    for (secret, code) in [
        (token("-----BEGIN ", "PRIVATE KEY-----"), "OVL8001"),
        (token("-----BEGIN RSA ", "PRIVATE KEY-----"), "OVL8001"),
        (token("-----BEGIN PGP ", "PRIVATE KEY BLOCK-----"), "OVL8001"),
        (token("sk-", "proj-Zk3QmT8vLr2XcW9bN5hJ"), "OVL8002"),
        (token("sk-", "ant-api03-Zk3QmT8vLr2XcW9bN5hJ"), "OVL8002"),
        (token("ghp_", "Zk3QmT8vLr2XcW9bN5hJ7dPf4gYs1aEu6oiK"), "OVL8002"),
        (token("github_pat_", "11ABCDE0Zk3QmT8vLr2XcW9bN5hJ"), "OVL8002"),
        (token("glpat-", "Zk3QmT8vLr2XcW9bN5hJ"), "OVL8002"),
        (token("AKIA", "2B3C4D5E6F7G2H3J"), "OVL8002"),
        (token("AIza", "SyZk3QmT8vLr2XcW9bN5hJ7dPf4gYs1aEu6"), "OVL8002"),
        (token("xoxb-", "283745610293-Zk3QmT8vLr2XcW9b"), "OVL8002"),
        (token("sk_live_", "Zk3QmT8vLr2XcW9bN5hJ7dPf"), "OVL8002"),
        (token("hf_", "Zk3QmT8vLrXcWbNhJdPfgYsaEuoiKQTwxy"), "OVL8002"),
        (token("npm_", "Zk3QmT8vLr2XcW9bN5hJ7dPf4gYs1aEu6oiK"), "OVL8002"),
        (
            token("eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkw.Zk3QmT8vLr2XcW9bN5hJ"),
            "OVL8002",
        ),
        (token("postgres://fusion:", "hunter22@db.internal/runs"), "OVL8004"),
    ] {
        for text in [secret.clone(), format!("use {secret} here"), format!("key=\"{secret}\"")] {
            let found = scan_prompt(&text, PiiDetection::Off);
            let codes: Vec<_> = found.iter().map(|it| it.code).collect();
            assert_eq!(codes, [code], "{text}");
            assert!(found[0].is_error());
            assert!(!found[0].to_string().contains(&secret), "a finding must not repeat a secret");
        }
        let report = checked(&format!("{EMBEDDED_OVERLAY}# {secret}\n"), Profile::Origin);
        assert_eq!(lines(&report.diagnostics).matches(code).count(), 1);
        assert!(!report.is_valid());
    }
}

#[test]
fn what_only_resembles_a_secret_is_let_alone() {
    for text in [
        "-----BEGIN CERTIFICATE-----",
        "sk-your-key-goes-here-please-000",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "AKIAIOSFODNN7EXAMPLE",
        "risk-aware, task-based, disk-full",
        "ghp_short",
        "https://api.example.com:8080/v1",
        "postgres://fusion:${PASSWORD}@db/runs",
        "https://user@example.com/path",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "550e8400-e29b-41d4-a716-446655440000",
    ] {
        assert!(scan_prompt(text, PiiDetection::Strict).is_empty(), "{text}");
    }
}

#[track_caller]
fn check_redact(text: &str, expect: Expect) {
    let (text, pieces) = redact(text);
    expect.assert_eq(&format!("{pieces}: {text}"));
}

#[test]
fn personal_data_are_replaced_by_what_they_were() {
    check_redact("Mail jane.doe+x@acme-bank.co.uk.", expect!["1: Mail [redacted:email]."]);
    check_redact(
        "Call +49 (0)30 901820-33 or (415) 555-2671 now",
        expect!["2: Call [redacted:phone] or [redacted:phone] now"],
    );
    check_redact(
        "Phone 415-555-2671, fax 212.736.5001.",
        expect!["2: Phone [redacted:phone], fax [redacted:phone]."],
    );
    check_redact(
        "Card 5500 0055 5555 5559, 378282246310005; 4012888888881881",
        expect!["3: Card [redacted:card], [redacted:card]; [redacted:card]"],
    );
    check_redact(
        "IBAN DE89 3704 0044 0532 0130 00 and GB82WEST12345698765432.",
        expect!["2: IBAN [redacted:iban] and [redacted:iban]."],
    );
    check_redact("SSN 219-09-9999.", expect!["1: SSN [redacted:ssn]."]);
    check_redact("Ünïcode: ä@b.de, jane@firma.de", expect!["1: Ünïcode: ä@b.de, [redacted:email]"]);
}

#[test]
fn what_only_resembles_personal_data_is_let_alone() {
    for text in [
        "",
        "1999ms",
        "1000000",
        "GEMINI_MAX_CONTEXT_TOKENS=1000000",
        "latency 1999ms, 128000 tokens, 4096 bytes, 20260809105500",
        "entropy>0.8,trust<0.5,latency>1999ms",
        "2025-08-09T10:55:00.000Z",
        "2026-11-21 09:30:00",
        "250-500-1000",
        "call 555-0123 or (212) 555-0187",
        "order 4000-1234-5678-9010 and 1234567890123456",
        "4111 1111 1111 1112",
        "version 10.2.3.4-5678901",
        "192.168.100.200:8080",
        "3.14159265358979",
        "ops@example.com, a@b.example, git@github.com:acme/repo.git",
        "sha256:12345678901234567890123456789012",
        "550e8400-e29b-41d4-a716-446655440000",
        "DE00 3704 0044 0532 0130 00",
        "000-12-3456 666-12-3456 900-12-3456 123-00-4567",
        "$ 12,345,678.90 + 1,000,000,000",
        "+1000000000",
    ] {
        let (redacted, pieces) = redact(text);
        assert_eq!((redacted.as_str(), pieces), (text, 0));
    }
}

#[test]
fn strictness_decides_the_weight() {
    let text = "Write to jane.doe@acme-bank.com.\n";
    let weight = |pii| scan_prompt(text, pii)[0].severity.to_string();
    assert_eq!(
        (weight(PiiDetection::Off), weight(PiiDetection::Strict)),
        ("warning".into(), "error".into())
    );
    expect![[r#"
        1:10: error[OVL8101]: an e-mail address stands in the text (take it out, or put `<!-- example -->` and `<!-- /example -->` around what is made up)
    "#]].assert_eq(&lines(&scan_prompt(text, PiiDetection::Strict)));
}

#[test]
fn marked_examples_may_hold_made_up_people_but_no_secrets() {
    let key = token("AKIA", "2B3C4D5E6F7G2H3J");
    let text = format!(
        "<!-- example -->\njane.doe@acme-bank.com\n{key}\n<!-- /example -->\nmax@firma.de\n"
    );
    expect![[r#"
        3:1: error[OVL8002]: an AWS access key stands in the text (take it out and revoke it; a secret comes from the environment: `${VARIABLE}`)
        5:1: error[OVL8101]: an e-mail address stands in the text (take it out, or put `<!-- example -->` and `<!-- /example -->` around what is made up)
    "#]].assert_eq(&lines(&scan_prompt(&text, PiiDetection::Strict)));
    let open = "<!-- example -->\njane.doe@acme-bank.com\n";
    assert_eq!(scan_prompt(open, PiiDetection::Strict).len(), 1);
}

#[test]
fn overlays_are_scanned_by_key_and_type() {
    let found = |set: &str| lines(&checked(&with_lines(set), Profile::Deploy).diagnostics);
    assert_eq!(
        found("OVERLAY_AUTHOR=jane.doe@acme-bank.com"),
        "",
        "metadata say who answers for it"
    );
    assert_eq!(found("MAX_TOKENS=1000000\nREQUEST_DEADLINE_MS=600000"), "");
    assert_eq!(found("WORKLOAD_PROFILE_HASH=4012888888881881"), "");
    expect![[r#"
        20:7: warning[OVL8101]: an e-mail address stands in the text (take it out)
    "#]]
    .assert_eq(&found("MODEL=jane.doe@acme-bank.com"));
    expect![[r#"
        20:7: error[OVL8101]: an e-mail address stands in the text (take it out)
    "#]]
    .assert_eq(&found("MODEL=jane.doe@acme-bank.com\nPII_DETECTION=strict"));
    expect![[r#"
        20:1: error[OVL2002]: unknown key `OPENAI_API_KEY` (remove the line; `fusion overlay explain` lists the keys there are)
        20:16: error[OVL8005]: `OPENAI_API_KEY` holds a secret by its name (keep secrets in the environment, and name them in `providers.toml`)
    "#]].assert_eq(&found("OPENAI_API_KEY=q8Zr2LmX0vTt7Kd1"));
    assert!(!found("OPENAI_API_KEY=${OPENAI_API_KEY}").contains("OVL8"));
}

#[test]
fn the_place_of_a_private_key_is_the_whole_key() {
    let key = token("-----BEGIN ", "PRIVATE KEY-----\n# MIIEvQ\n-----END ") + "PRIVATE KEY-----";
    let text = format!("# a\n# {key}\nB=1\n");
    let only = |text: &str| secret_spans(text).first().cloned();
    assert_eq!(only(&text), Some(6..6 + key.len()));
    // One that does not end is known by its first line.
    let open = token("-----BEGIN ", "PRIVATE KEY-----\nMIIEvQ\n");
    assert_eq!(only(&open), Some(0..27));
}
