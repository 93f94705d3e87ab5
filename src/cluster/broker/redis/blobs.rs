//! Payloads apart from the queues: each is a list of pieces, so that its length has no limit, and no bound of time is for all of it.

use super::{
    super::{super::names::fresh_name, BlobKey, Fault},
    replies,
    session::RedisSession,
};
use redis::{Value, cmd};
use std::time::Duration;

/// What is sent, or read, at once.
const PIECE: usize = 16 * 1024 * 1024;

/// Seconds until one goes that nobody has removed.
const LASTS: u64 = 3600;

/// No more room is made ahead for a payload that is not there yet.
const MOST_RESERVED: usize = 256 * 1024 * 1024;

impl RedisSession {
    /// Stores it under another key, and names it when it is whole.
    pub(super) fn put_blob(&mut self, key: &BlobKey, bytes: &[u8]) -> Result<(), Fault> {
        let key = self.shared.keys.blob(key);
        let draft = format!("{key}:draft:{}", fresh_name());
        // One that is empty has an empty piece: there is no empty list.
        let pieces = bytes.len().div_ceil(PIECE).max(1);
        for index in 0..pieces {
            let piece = &bytes[index * PIECE..bytes.len().min((index + 1) * PIECE)];
            let mut commands = vec![redis::Cmd::with_capacity(3, piece.len() + 128)];
            commands[0].arg("RPUSH").arg(&draft).arg(piece);
            if index == 0 {
                commands.push(cmd("EXPIRE"));
                commands[1].arg(&draft).arg(LASTS);
            }
            if index + 1 == pieces {
                let mut name = cmd("RENAME");
                name.arg(&draft).arg(&key);
                commands.push(name);
            }
            let answers = self.link.ask_all(&commands, Duration::ZERO)?;
            for answer in answers {
                if let Err(fault) = self.link.accept(answer) {
                    if index > 0 {
                        // Best effort: if this fails as well, it goes by itself.
                        let _ = self.link.ask(cmd("UNLINK").arg(&draft));
                    }
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    pub(super) fn get_blob(&mut self, key: &BlobKey) -> Result<Option<Vec<u8>>, Fault> {
        let key = self.shared.keys.blob(key);
        let mut commands = [cmd("LLEN"), cmd("LINDEX")];
        commands[0].arg(&key);
        commands[1].arg(&key).arg(0);
        let mut answers = self.link.ask_all(&commands, Duration::ZERO)?.into_iter();
        let mut next = || self.link.accept(answers.next().unwrap_or(Value::Nil));
        let pieces = replies::number(&next()?).unwrap_or(0);
        let Some(mut blob) = replies::bytes(next()?) else {
            return Ok(None);
        };
        for index in 1..pieces {
            let piece = self.link.ask(cmd("LINDEX").arg(&key).arg(index))?;
            let Some(piece) = replies::bytes(piece) else {
                // It was removed meanwhile.
                return Ok(None);
            };
            if index == 1 {
                // All but the last are as long as the first. What the engine says is not believed without limit.
                let rest = usize::try_from(pieces - 1)
                    .unwrap_or(0)
                    .saturating_mul(blob.len());
                blob.reserve_exact(rest.min(MOST_RESERVED));
            }
            blob.extend_from_slice(&piece);
        }
        Ok(Some(blob))
    }

    pub(super) fn remove_blobs(&mut self, keys: &[BlobKey]) -> Result<(), Fault> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut unlink = cmd("UNLINK");
        for key in keys {
            unlink.arg(self.shared.keys.blob(key));
        }
        self.link.ask(&unlink).map(drop)
    }
}
