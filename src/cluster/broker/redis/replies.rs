//! What the server's answers say. What makes no sense is left out.

use super::super::Position;
use redis::Value;

/// An entry of a stream.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) body: Vec<u8>,
    pub(super) moved: Option<Position>,
    /// How often it was delivered, where that was asked for.
    pub(super) times: Option<u32>,
}

pub(super) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

pub(super) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::BulkString(digits) => digits_of(digits),
        _ => None,
    }
}

pub(super) fn is_yes(value: &Value) -> bool {
    number(value).is_some_and(|number| number > 0)
}

/// `123-4`.
pub(super) fn position(value: &Value) -> Option<Position> {
    let Value::BulkString(text) = value else {
        return None;
    };
    let dash = text.iter().position(|&byte| byte == b'-')?;
    Some(Position(digits_of(&text[..dash])?, digits_of(&text[dash + 1..])?))
}

fn digits_of(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The entries of one stream. They have no fields if they were removed meanwhile.
pub(super) fn entries(value: Value) -> impl Iterator<Item = Entry> {
    list(value).into_iter().filter_map(entry)
}

fn entry(value: Value) -> Option<Entry> {
    let mut parts = list(value).into_iter();
    let position = position(&parts.next()?)?;
    let mut fields = list(parts.next()?).into_iter();
    let mut entry = Entry {
        position,
        body: Vec::new(),
        moved: None,
        times: parts
            .next()
            .and_then(|times| number(&times))
            .map(|times| u32::try_from(times).unwrap_or(u32::MAX)),
    };
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match name {
            Value::BulkString(name) if name == b"b" => entry.body = bytes(value)?,
            Value::BulkString(name) if name == b"m" => entry.moved = self::position(&value),
            _ => {}
        }
    }
    Some(entry)
}

/// What reading several streams gives: the name of each, with its entries. Nothing if the time is over.
pub(super) fn streams(value: Value) -> impl Iterator<Item = (Vec<u8>, Value)> {
    list(value).into_iter().filter_map(|stream| {
        let mut parts = list(stream).into_iter();
        Some((bytes(parts.next()?)?, parts.next()?))
    })
}
