//! Bytes of a cassette and of a golden: read, and write again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (recordings, _) = fusion_golden::read_cassette(bytes);
    for recording in recordings {
        let line = format!("{}\n", recording.to_line());
        let (again, findings) = fusion_golden::read_cassette(line.as_bytes());
        assert!(findings.is_empty());
        assert_eq!(again, [recording]);
    }
    let _ = fusion_golden::read_golden(&String::from_utf8_lossy(bytes));
});
