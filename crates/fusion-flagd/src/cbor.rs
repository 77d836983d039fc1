//! Deterministic CBOR (RFC 8949, section 4.2.1) of JSON values, which flagd hashes.

use datalogic_rs::DataValue;

/// Appends `value`.
pub(crate) fn write(value: &DataValue<'_>, out: &mut Vec<u8>) {
    match value {
        DataValue::Bool(on) => out.push(if *on { 0xf5 } else { 0xf4 }),
        DataValue::Number(number) => match number.as_i64() {
            Some(whole) => integer(whole, out),
            None => float(number.as_f64(), out),
        },
        DataValue::String(text) => self::text(text, out),
        DataValue::Array(items) => {
            head(4, items.len() as u64, out);
            items.iter().for_each(|it| write(it, out));
        }
        DataValue::Object(entries) => object(entries, out),
        _ => out.push(0xf6),
    }
}

/// Appends a text.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    head(3, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the head of an array of `len` items.
pub(crate) fn array(len: u64, out: &mut Vec<u8>) {
    head(4, len, out);
}

fn integer(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => head(0, number, out),
        Err(_) => head(1, number.unsigned_abs() - 1, out),
    }
}

/// A whole number as an integer, any other in the shortest form that holds it.
fn float(number: f64, out: &mut Vec<u8>) {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    if number.fract() == 0.0 && number.abs() < 9.0e15 {
        integer(number as i64, out);
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "what is lost is compared")]
    let single = number as f32;
    if f64::from(single) != number {
        out.push(0xfb);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Some(half) = half(single) {
        out.push(0xf9);
        out.extend_from_slice(&half.to_be_bytes());
    } else {
        out.push(0xfa);
        out.extend_from_slice(&single.to_be_bytes());
    }
}

/// The 16 bits (IEEE 754) of a number that they hold exactly, and that is not subnormal.
fn half(number: f32) -> Option<u16> {
    let bits = number.to_bits();
    let exponent = i32::try_from((bits >> 23) & 0xff).ok()? - 127;
    let exact = bits & 0x1fff == 0 && (-14..=15).contains(&exponent);
    let exponent = u16::try_from(exponent + 15).ok()?;
    let sign = u16::try_from(bits >> 31).ok()? << 15;
    let fraction = u16::try_from((bits >> 13) & 0x3ff).ok()?;
    exact.then_some(sign | exponent << 10 | fraction)
}

/// The keys in the order of their own bytes.
fn object(entries: &[(&str, DataValue<'_>)], out: &mut Vec<u8>) {
    head(5, entries.len() as u64, out);
    let mut entries: Vec<(Vec<u8>, &DataValue<'_>)> = entries
        .iter()
        .map(|(name, value)| {
            let mut key = Vec::new();
            text(name, &mut key);
            (key, value)
        })
        .collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in entries {
        out.extend_from_slice(&key);
        write(value, out);
    }
}

fn head(major: u8, len: u64, out: &mut Vec<u8>) {
    let bytes = len.to_be_bytes();
    let (low, size) = match len {
        0..24 => (bytes.last().copied().unwrap_or_default(), 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | low);
    out.extend_from_slice(bytes.get(8 - size..).unwrap_or_default());
}
